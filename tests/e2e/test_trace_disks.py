"""Traced runs with disks, whose hosts die, as a user has them; and verify, which never writes to a disk."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from command import lockstep, said_in_one_line
from disk_images import make_disk
from pair_runs import law, run

from lockstep import Pair, Trace

RECORDS = ("records", "--append", "records=2000")
CRASHES = ("--crash", "primary@5M", "--crash", "secondary@10M", "--crash", "primary@15M")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return make_disk(tmp_path / "d.img").path


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "options",
    [
        ("--clock", "host", *CRASHES),
        ("--clock", "virtual", *CRASHES, "--channel", "tcp"),
        ("--clock", "host", "--solo"),
    ],
    ids=["host", "virtual", "solo"],
)
def test_a_replay_is_the_same_run_and_leaves_the_disk_alone(
    options: tuple[str, ...], image: Path, tmp_path: Path
) -> None:
    trace, report = tmp_path / "t.lst", tmp_path / "replay.json"
    recorded, done = run(
        tmp_path / "run.json",
        *RECORDS,
        "--disk",
        image,
        *options,
        "--trace",
        trace,
        "--trace-checkpoint-every",
        "50ms",
    )
    assert b"2000 written, 2000 read, 0 failed" in done.stdout
    left = digest_of(image)
    again = lockstep("replay", trace, "--report", report)
    replayed = json.loads(report.read_text())
    assert law(replayed) == law(recorded), again.stderr.decode()
    assert (again.stdout, again.stderr) == (done.stdout, b"")
    late = lockstep("replay", trace, "--from", recorded["icount"] * 9 // 10, "--report", report)
    assert late.returncode == 0, late.stderr.decode()
    assert json.loads(report.read_text())["digest"] == recorded["digest"]
    assert digest_of(image) == left
    listed = [
        json.loads(line) for line in lockstep("log", trace, "--kind", "disk", "--json").stdout.splitlines()
    ]
    assert {entry["status"] for entry in listed} == ({"flushed"} if "host" in options else set())


def test_a_trace_of_hashes_wants_the_disk_as_it_was(image: Path, tmp_path: Path) -> None:
    trace, copy = tmp_path / "t.lst", tmp_path / "before.img"
    shutil.copyfile(image, copy)
    recorded, _ = run(
        tmp_path / "run.json", *RECORDS, "--disk", image, "--trace", trace, "--trace-guest", "hash"
    )
    refused = lockstep("replay", trace)
    assert refused.returncode == 126
    assert "isn't as disk 0 was before the run" in said_in_one_line(refused)
    before = digest_of(copy)
    report = tmp_path / "replay.json"
    assert lockstep("replay", trace, "--disk", copy, "--report", report).returncode == 0
    assert law(json.loads(report.read_text())) == law(recorded)
    assert digest_of(copy) == before


def test_a_script_has_it_all(image: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.lst"
    with Pair("records", append="records=2000", disks=[image], crash="primary@5M", trace=path) as pair:
        result = pair.wait(timeout_s=60)
    assert (result.outcome, len(result.failovers)) == ("poweroff", 1)
    assert image.read_bytes() != bytes(image.stat().st_size)
    with Trace(path) as trace:
        assert {entry.kind for entry in trace.entries("disk")} == {"disk"}
        assert trace.replay().digest() == result.digest
        middle = trace.at(result.icount // 2)
        here = middle.digest()
        middle.run()
        assert middle.digest() == result.digest
        assert trace.at(result.icount // 2).digest() == here


@pytest.mark.parametrize("clock", ["host", "virtual"])
def test_verify_writes_to_no_disk(clock: str, image: Path) -> None:
    before = digest_of(image)
    done = lockstep("verify", *RECORDS, "--disk", image, "--clock", clock)
    assert done.returncode == 0, done.stderr.decode()
    assert b"2000 written, 2000 read, 0 failed" in done.stdout
    assert digest_of(image) == before


def test_verify_knows_no_network() -> None:
    refused = lockstep("verify", "hello", "--net", "user")
    assert refused.returncode == 2
    assert "leave --net out" in said_in_one_line(refused)
