"""The same run in processes that differ in all that a process can differ in ends the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockstep.paths import package_directory

PROGRAM = """
import random, sys
sys.path.insert(0, sys.argv[1])
import programs
from lockstep.machine.machine import Machine
name, append = sys.argv[2:4]
harts, slice_positions, ballast = map(int, sys.argv[4:7])
kept = bytearray(ballast)
machine, console, stop = Machine(programs.bundled(name, append, harts=harts)), b"", None
print("started", flush=True)
while stop not in (programs.Stop.FINISHED, programs.Stop.IDLE):
    stop = machine.run(limit=machine.position + slice_positions)
    console += machine.drain_console()
print(stop.name, machine.icount, machine.position, machine.digest(), console.hex())
"""
TESTS = Path(__file__).resolve().parent.parent
GUESTS = [
    ("clocks", "", 1),
    ("timer", "seconds=2", 1),
    ("smp", "scale=20", 4),
    ("sloppy", "rounds=1 passes=20", 1),
]


def start(
    name: str, append: str, harts: int, slice_positions: int, ballast: int, extra: str
) -> subprocess.Popen[str]:
    arguments = [name, append, str(harts), str(slice_positions), str(ballast)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(package_directory().parent),
        "EXTRA": extra,
        "PYTHONHASHSEED": str(len(extra)),
        "MALLOC_PERTURB_": str(len(extra) % 256),  # what glibc fills memory with
    }
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(TESTS), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def stutter(process: subprocess.Popen[str]) -> None:
    """Stop and continue it again and again while it runs."""
    while process.poll() is None:
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGCONT)
        time.sleep(0)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "append", "harts"), GUESTS)
def test_processes_agree(name: str, append: str, harts: int) -> None:
    calm = start(name, append, harts, 1 << 40, 0, "")
    sliced = start(name, append, harts, 12_347, 300 << 20, "x" * 5000)
    ends = [process.communicate(timeout=200)[0] for process in (calm, sliced)]
    stopped = start(name, append, harts, 1_000_003, 1 << 20, "y")
    assert stopped.stdout is not None
    assert stopped.stdout.readline() == "started\n"
    stutter(stopped)
    ends.append("started\n" + stopped.communicate(timeout=200)[0])
    assert ends[0].startswith("started\nFINISHED")
    assert ends[1] == ends[0], "another address space, cut in slices"
    assert ends[2] == ends[0], "stopped and continued"
