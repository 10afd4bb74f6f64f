"""A run is ended by a signal, whatever the guest does and whoever reads the console."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from command import start_lockstep
from small_guests import SPIN, printing_guest, waiting_guest

GUESTS = ("storm", "spin", "waiting", "printing")


def guest_of(kind: str, directory: Path) -> str:
    path = directory / "guest"
    if kind == "spin":
        path.write_bytes(SPIN)
    elif kind == "waiting":
        waiting_guest(path)
    elif kind == "printing":
        printing_guest(path)
    else:
        return kind
    return str(path)


def wait_for_start(process: subprocess.Popen[bytes]) -> None:
    """Until the guest runs: it has a thread of its own."""
    while process.poll() is None:
        if len(os.listdir(f"/proc/{process.pid}/task")) > 1:
            return
    raise AssertionError(f"it ended by itself: {process.communicate()}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("clock", ["host", "virtual"])
@pytest.mark.parametrize("kind", GUESTS)
def test_signal_ends_a_run(tmp_path: Path, kind: str, clock: str, number: signal.Signals) -> None:
    if kind == "waiting" and clock == "virtual":
        return  # that is idle at once
    report = tmp_path / "r.json"
    arguments = ("run", guest_of(kind, tmp_path), "--solo", "--clock", clock, "--report", report)
    with start_lockstep(
        *arguments, "--timeout", 60, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        wait_for_start(process)
        process.send_signal(number)
        _, error = process.communicate(timeout=30)
    assert process.returncode == 130, error.decode()
    assert b"Traceback" not in error
    assert json.loads(report.read_text())["outcome"] == "interrupted"


def test_a_console_that_nobody_reads_does_not_keep_a_run_from_ending(tmp_path: Path) -> None:
    arguments = ("run", printing_guest(tmp_path / "guest"), "--solo", "--timeout", 1)
    with start_lockstep(*arguments, stdin=subprocess.DEVNULL) as process:
        assert process.wait(30) == 124
        assert process.stderr is not None
        assert b"nobody reads it" in process.stderr.read()


def test_a_reader_that_leaves_ends_the_run_quietly(tmp_path: Path) -> None:
    arguments = ("run", printing_guest(tmp_path / "guest"), "--solo", "--timeout", 60)
    with start_lockstep(*arguments, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(10) == b"x" * 10
        process.stdout.close()
        assert process.wait(30) == 125
        said = process.stderr.read().decode()
    assert [line for line in said.splitlines() if "compiling" not in line] == []
