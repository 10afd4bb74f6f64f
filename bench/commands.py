"""Runs of `lockstep`, timed from outside."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import COMPILE_VARIABLE
from bench.results import MeasurementError

REPOSITORY = Path(__file__).resolve().parents[1]
COMMAND = (sys.executable, "-m", "lockstep")
TIMEOUT_S = 300
POLL_S = 0.005
ENDING_S = 10
"""How long a run may take to end when it is told to."""


@dataclasses.dataclass(frozen=True)
class TimedProcess:
    """A process that ran to its end, with status 0 unless others were allowed."""

    whole_s: float
    first_byte_s: float
    """Until the first byte of its standard output."""
    output: bytes
    arrivals: tuple[tuple[int, float], ...]
    """When it came: how many bytes had arrived, and at what time since the start, in s."""

    def seconds_at(self, text: bytes) -> float:
        """When `text` had arrived, in s since the start. MeasurementError if it never did."""
        place = self.output.find(text)
        if place < 0:
            raise MeasurementError(f"{text!r} was never printed: {self.output[-200:]!r}")
        end = place + len(text)
        return next(seconds for arrived, seconds in self.arrivals if arrived >= end)


@dataclasses.dataclass(frozen=True)
class Run(TimedProcess):
    """A `lockstep run`, with what it reported."""

    report: dict[str, Any]

    @property
    def wall_s(self) -> float:
        """From the guest's first instruction to its last."""
        return float(self.report["wall_s"])

    @property
    def work(self) -> dict[str, Any]:
        """What the guest came to: under the virtual clock the same in every run."""
        return {key: self.report[key] for key in ("icount", "digest", "console", "outcome")}


def environment() -> dict[str, str]:
    """This process's environment, with the packages of this checkout."""
    inherited = {name: value for name, value in os.environ.items() if name != COMPILE_VARIABLE}
    path = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))
    return {**inherited, "PYTHONPATH": path}


def time_process(
    arguments: Sequence[str], statuses: tuple[int, ...] = (0,), timeout_s: float = TIMEOUT_S
) -> TimedProcess:
    """Run to the end, without input. MeasurementError for any other exit status than `statuses`."""
    with tempfile.TemporaryFile() as errors:
        started_s = time.perf_counter()
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=environment()
        )
        try:
            assert process.stdout is not None
            output, arrivals = _read_to_end(process.stdout.fileno(), started_s, timeout_s)
            process.wait(max(started_s + timeout_s - time.perf_counter(), 0))
            whole_s = time.perf_counter() - started_s
        except subprocess.TimeoutExpired as error:
            raise MeasurementError(f"{_shown(arguments)}: no end after {timeout_s:g} s") from error
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if process.returncode not in statuses:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()[-300:]
            raise MeasurementError(f"{_shown(arguments)}: exit status {process.returncode}: {said}")
        return TimedProcess(whole_s, arrivals[0][1] if arrivals else whole_s, output, tuple(arrivals))


def _read_to_end(
    descriptor: int, started_s: float, timeout_s: float
) -> tuple[bytes, list[tuple[int, float]]]:
    """All that comes, and when it did. TimeoutExpired if it doesn't end in time."""
    output = bytearray()
    arrivals: list[tuple[int, float]] = []
    while True:
        left_s = started_s + timeout_s - time.perf_counter()
        if left_s <= 0 or not select.select([descriptor], [], [], left_s)[0]:
            raise subprocess.TimeoutExpired("", timeout_s)
        piece = os.read(descriptor, 1 << 16)
        if not piece:
            return bytes(output), arrivals
        output += piece
        arrivals.append((len(output), time.perf_counter() - started_s))


def run_lockstep(*arguments: str, statuses: tuple[int, ...] = (0,), timeout_s: float = TIMEOUT_S) -> Run:
    """`lockstep run` with these arguments and a report."""
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as directory:
        path = Path(directory) / "report.json"
        timed = time_process([*COMMAND, "run", *arguments, "--report", str(path)], statuses, timeout_s)
        report = json.loads(path.read_text())
    return Run(**vars(timed), report=report)


@contextlib.contextmanager
def running(*arguments: str, until: bytes) -> Iterator[subprocess.Popen[bytes]]:
    """A `lockstep run` that has printed `until` and goes on, to be looked at from outside; ended on leaving."""
    with tempfile.TemporaryFile() as console:
        process = subprocess.Popen(
            [*COMMAND, "run", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        try:
            deadline_s = time.monotonic() + TIMEOUT_S
            while until not in os.pread(console.fileno(), 1 << 20, 0):
                if process.poll() is not None or time.monotonic() > deadline_s:
                    raise MeasurementError(f"lockstep run {' '.join(arguments)} never printed {until!r}")
                time.sleep(POLL_S)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(ENDING_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def solo(guest: str, append: str, *arguments: str, clock: str = "virtual") -> Run:
    """One machine."""
    return run_lockstep(guest, "--solo", "--clock", clock, "--append", append, *arguments)


def protected(guest: str, append: str, *arguments: str, clock: str = "virtual") -> Run:
    """A pair that stays one to its end."""
    run = run_lockstep(guest, "--clock", clock, "--append", append, *arguments)
    checks = run.report["checks"]
    if run.report["failovers"] or run.report["clones"]:
        raise MeasurementError(f"{guest}: a host of the pair was taken for dead: this machine is too busy")
    if checks["compared"] == 0 or checks["mismatched"]:
        raise MeasurementError(f"{guest}: the two machines weren't compared, or differ: {checks}")
    return run


def same_work(runs: Sequence[Run]) -> dict[str, Any]:
    """What all of `runs` came to. MeasurementError if they differ."""
    works = [run.work for run in runs]
    if any(work != works[0] for work in works):
        raise MeasurementError(f"runs of the same guest differ: {works}")
    return works[0]


def compile_first() -> None:
    """Native code is compiled before anything is timed: the first run compiles what a pair needs as well."""
    solo("hello", "")


def _shown(arguments: Sequence[str]) -> str:
    return " ".join(map(os.path.basename, arguments[:1])) + " " + " ".join(arguments[1:])
