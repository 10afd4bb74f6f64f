"""Disks of a protected machine: the golden law with the disk's file, and what is on it whoever is killed and when."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import random
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from command import lockstep, said_in_one_line
from pair_runs import Pair, drawn, law, run
from records import BLOCK_BYTES, flushed, last_record

BLOCKS = 256
RECORDS = 6000


def image(path: Path, blocks: int = BLOCKS) -> Path:
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(blocks * BLOCK_BYTES)
    return path


def arguments(path: Path, *append: str) -> tuple[object, ...]:
    return ("records", "--disk", path, "--append", " ".join(append or (f"records={RECORDS}",)))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@functools.cache
def solo(directory: Path) -> tuple[dict[str, Any], str]:
    path = image(directory / "solo.img")
    report, _ = run(directory / "solo.json", *arguments(path), "--clock", "virtual", "--solo")
    assert last_record(path) == RECORDS
    return report, sha256(path)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("solo")


@pytest.mark.parametrize("channel", ["shm", "tcp"])
def test_the_golden_law_with_a_disk(channel: str, directory: Path, tmp_path: Path) -> None:
    expected, content = solo(directory)
    choice = drawn()
    crashes: list[object] = []
    for _ in range(3):
        crashes += [
            "--crash",
            f"{choice.choice(('primary', 'secondary'))}@{choice.randrange(expected['icount'])}",
        ]
    print(*crashes)
    path, trace = image(tmp_path / "d.img"), tmp_path / "t.lst"
    options = ("--clock", "virtual", "--channel", channel, "--trace", trace, *crashes)
    report, done = run(tmp_path / "r.json", *arguments(path), *options)
    assert law(report) == law(expected), done.stderr.decode()
    assert sha256(path) == content
    assert report["log"]["kinds"].keys() <= {"check", "end"}, "reads, writes and flushes need no log"
    replayed = lockstep("replay", trace, "--report", tmp_path / "q.json")
    assert replayed.returncode == 0, replayed.stderr.decode()
    assert sha256(path) == content


def test_flushes_while_hosts_are_killed(tmp_path: Path) -> None:
    path = image(tmp_path / "d.img")
    append = ("records=16000", "every=16")
    report, done = run(tmp_path / "r.json", *arguments(path, *append), "--crash-every", "60ms")
    assert (report["outcome"], report["exit_code"]) == ("poweroff", 0), done.stderr.decode()
    assert flushed(done.stdout) == last_record(path) == 16000
    assert len(report["failovers"]) >= 3
    assert report["log"]["kinds"]["disk"] >= 16000 // 16
    assert report["checks"]["mismatched"] == 0


def kill_all(pair: Pair, choice: random.Random) -> None:
    """The monitor, its fork server and both hosts, in any order."""
    with contextlib.suppress(psutil.Error):
        every = [psutil.Process(pair.process.pid), *psutil.Process(pair.process.pid).children(recursive=True)]
        choice.shuffle(every)
        for process in every:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(every, timeout=20)


def test_everything_is_killed(tmp_path: Path) -> None:
    """What was acknowledged is there, what is there is how the disk was at a moment; and the guest goes on from it."""
    choice = drawn()
    path = image(tmp_path / "d.img")
    so_far = 0
    for _ in range(4):
        until = so_far + choice.randrange(100, 4000)
        with Pair(*arguments(path, "records=1000000", "every=20"), "--crash-every", "70ms") as pair:
            console = b""
            while flushed(console) < until:
                console += pair.read_until(b"\n")
            kill_all(pair, choice)
            assert pair.process.stdout is not None
            console += pair.process.stdout.read()
        found = last_record(path)
        print(f"flushed {flushed(console)}, found {found}")
        assert found >= flushed(console) >= until
        so_far = found
    done = lockstep("run", *arguments(path, "records=100"), "--solo")
    assert f"the last record is {so_far - (so_far % 16 == 0)}".encode() in done.stdout
    assert last_record(path) >= so_far + 99


def test_a_disk_is_in_use(tmp_path: Path) -> None:
    path = image(tmp_path / "d.img")
    with Pair(*arguments(path, "records=1000000")) as pair:
        pair.read_until(b"flushed")
        done = lockstep("run", *arguments(path), "--solo")
        assert "in use by another run" in said_in_one_line(done)
        pair.process.send_signal(signal.SIGINT)
        status, console, _ = pair.end()
    assert status == 130
    assert last_record(path) >= flushed(console)


def test_read_only(tmp_path: Path) -> None:
    path = image(tmp_path / "d.img")
    before = sha256(path)
    done = lockstep("run", "records", "--disk", f"{path},ro", "--append", "records=10 every=5", "--solo")
    assert b"failed with status 1" in done.stdout
    assert done.returncode == 4, done.stderr.decode()
    assert sha256(path) == before
