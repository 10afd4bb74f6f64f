"""Debian Linux writes to an ext4 disk while its hosts die: what it was told is on the disk is there, in order."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil
import pytest
from command import fetch_linux, lockstep
from linux_disks import acknowledged, check_clean, make_disk, records_on
from pair_runs import Pair as Command
from pair_runs import drawn, law, run

from lockstep import Pair

pytestmark = [pytest.mark.linux, pytest.mark.slow, pytest.mark.timeout(900)]

KILLS = int(os.environ.get("LOCKSTEP_TEST_KILLS", "5"))


@pytest.fixture(scope="module", autouse=True)
def fetched() -> None:
    fetch_linux()


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return make_disk(tmp_path / "d.img")


def test_the_same_run_and_the_same_disk(disk: Path, tmp_path: Path) -> None:
    """The golden law, with the file: solo, over failures, and from the trace."""
    linux = (
        "linux",
        "--append",
        "quiet run=/bin/writetest records=10",
        "--clock",
        "virtual",
        "--timeout",
        200,
    )
    alone, protected, trace = tmp_path / "alone.img", tmp_path / "protected.img", tmp_path / "run.trace"
    shutil.copyfile(disk, alone)
    shutil.copyfile(disk, protected)
    solo, _ = run(tmp_path / "solo.json", *linux, "--solo", "--disk", alone)
    assert solo["outcome"] == "poweroff"
    assert records_on(alone) == 10
    last_icount = solo["icount"]
    crashes = [
        f"--crash={who}@{int(last_icount * share)}" for who, share in (("primary", 0.9), ("primary", 0.96))
    ]
    pair, done = run(
        tmp_path / "pair.json", *linux, "--disk", protected, "--channel", "tcp", "--trace", trace, *crashes
    )
    assert law(pair) == law(solo), done.stdout.decode(errors="replace")[-500:]
    assert pair["failovers"]
    assert protected.read_bytes() == alone.read_bytes()
    replayed = lockstep("replay", trace, "--report", tmp_path / "replay.json")
    assert replayed.returncode == 0, replayed.stderr.decode()
    assert protected.read_bytes() == alone.read_bytes(), "a replay must not write"


def test_acknowledged_records_outlive_hosts(disk: Path) -> None:
    """Hosts are killed at random while records are written; ^C then ends it."""
    random = drawn()
    with Pair("linux", disks=[disk], append="quiet run=/bin/writetest records=100000") as pair:
        pair.expect(b"records found")
        for _ in range(KILLS):
            pair.wait_protected()
            last = (acknowledged(pair.console) or [0])[-1]
            pair.expect(f"record {last + random.randint(1, 30)} acknowledged")
            pair.crash(random.choice(("primary", "primary", "secondary")))
        pair.wait_protected()
        pair.type(b"\x03")
        result = pair.wait(120)
    assert result.outcome == "poweroff", result.message
    numbers = acknowledged(pair.console)
    assert numbers == list(range(1, len(numbers) + 1)), "each once, in order"
    check_clean(disk)
    assert len(numbers) <= records_on(disk) <= len(numbers) + 1


def test_acknowledged_records_outlive_everything(disk: Path, tmp_path: Path) -> None:
    """Both hosts and the monitor are killed, in an order that is drawn; the next boot finds the records."""
    random = drawn()
    arguments = (
        "linux",
        "--append",
        "quiet run=/bin/writetest records=100000",
        "--disk",
        disk,
        "--timeout",
        100,
    )
    with Command(*arguments) as pair:
        console = pair.read_until(b"record %d acknowledged\r\n" % random.randint(20, 120))
        doomed = [
            psutil.Process(pair.process.pid),
            *psutil.Process(pair.process.pid).children(recursive=True),
        ]
        random.shuffle(doomed)
        for process in doomed:
            process.kill()
        psutil.wait_procs(doomed)
        console += pair.end()[1]
    numbers = acknowledged(console)
    assert numbers == list(range(1, len(numbers) + 1))
    options = ("--solo", "--append", "quiet run=/bin/writetest+check", "--disk", disk)
    _, done = run(tmp_path / "r.json", "linux", *options)
    check_clean(disk)
    found = records_on(disk)
    assert b"writetest: %d records" % found in done.stdout
    assert found >= len(numbers)
