"""`lockstep verify` as a user runs it."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest
from command import lockstep, run_reported, said_in_one_line, start_lockstep


def verify_reported(path: Path, *arguments: object) -> dict[str, Any]:
    done = lockstep("verify", *arguments, "--report", path)
    report = json.loads(path.read_text())
    assert report["exit_code"] == done.returncode, done.stderr.decode()
    return {**report, "stderr": done.stderr.decode(), "stdout": done.stdout}


@pytest.mark.parametrize("clock", ["virtual", "host"])
def test_the_injected_instruction_is_named_exactly(tmp_path: Path, clock: str) -> None:
    report = verify_reported(tmp_path / "d.json", "compute", "--inject", "x7@10M:13", "--clock", clock)
    divergence = report["divergence"]
    assert report["exit_code"] == 120
    assert report["outcome"] == "divergence"
    assert divergence["icount"] == 10_000_000
    assert f"=> {divergence['pc']:#x}:" in "\n".join(divergence["disassembly"])
    (row,) = [row for row in divergence["registers"] if row["differs"]]
    assert row["name"] == "x7"
    assert int(row["expected"], 16) ^ int(row["actual"], 16) == 1 << 13
    assert "x7 t2" in report["stderr"]
    assert "after instruction 10,000,000" in report["stderr"]
    assert report["stdout"] == b""


def test_without_an_error_it_is_the_run_that_everyone_else_has(tmp_path: Path) -> None:
    keys = ("icount", "digest", "console", "outcome")
    alone = run_reported(tmp_path / "a.json", "selftest", "--clock", "virtual", "--solo")
    report = verify_reported(tmp_path / "v.json", "selftest", "--clock", "virtual", "--every", "100K")
    assert report["exit_code"] == 0
    assert {key: report[key] for key in keys} == {key: alone[key] for key in keys}
    assert report["checks"]["compared"] > 3
    assert b"ALL TESTS PASSED" in report["stdout"]
    assert "both machines are equal" in report["stderr"]


def test_several_harts(tmp_path: Path) -> None:
    report = verify_reported(
        tmp_path / "d.json", "smp", "--harts", 2, "--clock", "virtual", "--inject", "hart1.s1@1M:3"
    )
    assert report["divergence"]["icount"] == 1_000_000
    (row,) = [row for row in report["divergence"]["registers"] if row["differs"]]
    assert (row["hart"], row["name"]) == (1, "x9")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["hello", "--inject", "x0@1:1"], "x0 is wired to zero"),
        (["hello", "--inject", "nonsense"], "is not REG@ICOUNT:BIT"),
        (["hello", "--inject", "0x1@1:1"], "outside RAM"),
        (["hello", "--every", "often"], "--every 'often' is not a count"),
        (["hello", "--clock", "sundial"], "--clock 'sundial' is unknown"),
        (["hello", "--timeout", "0"], "--timeout 0 is not a time to wait"),
    ],
)
def test_what_makes_no_sense_is_one_line(arguments: list[str], why: str) -> None:
    done = lockstep("verify", *arguments)
    assert done.returncode == 2
    assert why in said_in_one_line(done)


def test_it_ends_in_time() -> None:
    done = lockstep("verify", "storm", "--clock", "virtual", "--timeout", "0.5")
    assert done.returncode == 124


def test_a_campaign_finds_everything_and_says_so(tmp_path: Path) -> None:
    report = verify_reported(tmp_path / "c.json", "selftest", "--campaign", 15, "--seed", 1)
    table = report["campaign"]
    total = table["rows"][-1]
    assert report["exit_code"] == 0
    assert report["outcome"] == "poweroff"
    assert (total["trials"], total["undetected"]) == (15, 0), table["trials"]
    assert total["located"] == total["detected"] > 5, table["trials"]
    assert total["masked"] + total["detected"] == 15
    assert report["stdout"].startswith(b"15 soft errors, seed 1, in a guest of ")
    assert "lockstep: seed 1\n" in report["stderr"]
    assert "errors a second" in report["stderr"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--campaign", "3", "--inject", "x7@1:1"], "leave --inject and --timeout out"),
        (["--campaign", "0"], "--campaign 0 injects nothing"),
        (["--campaign", "3", "--clock", "host"], "leave --clock host out"),
        (["--seed", "3"], "--seed and --plot belong to a campaign"),
        (["--campaign", "3", "--plot", "picture.txt"], "ends in one of .svg"),
    ],
)
def test_a_campaign_that_makes_no_sense_is_one_line(arguments: list[str], why: str) -> None:
    done = lockstep("verify", "hello", *arguments)
    assert done.returncode == 2
    assert why in said_in_one_line(done)


def descendants(pid: int) -> set[int]:
    return {child.pid for child in psutil.Process(pid).children(recursive=True)}


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_when_it_is_ended_nothing_stays_behind(number: signal.Signals, expected: int) -> None:
    running = start_lockstep(
        "verify", "storm", "--clock", "virtual", "--every", "1M", stdin=subprocess.DEVNULL
    )
    assert running.stdout is not None
    assert running.stdout.read(1), "the guest never said anything"
    processes = [psutil.Process(pid) for pid in descendants(running.pid)]
    assert len(processes) >= 2
    running.send_signal(number)
    running.communicate(timeout=60)
    assert running.returncode == expected
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not alive
