"""What the live view costs the guest: a pair on a terminal with the view, and with the bare console."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import pty
import struct
import subprocess
import tempfile
import termios
import threading
from pathlib import Path
from typing import Any

from bench.commands import COMMAND, TIMEOUT_S, environment
from bench.guests import compute_append
from bench.results import CaseResult, MeasurementError, paired_ratios
from bench.settings import Settings

ROWS, COLUMNS = 40, 120
DRAWN_MIN = 3
"""A view draws at least so many times the bytes of the bare console."""


@dataclasses.dataclass(frozen=True)
class OnTerminal:
    """A run, and how many bytes the terminal got."""

    report: dict[str, Any]
    drawn_bytes: int

    @property
    def wall_s(self) -> float:
        """From the guest's first instruction to its last."""
        return float(self.report["wall_s"])


def measure(result: CaseResult, settings: Settings) -> None:
    """In turns; the guest computes, so that it has a use for every cycle that the view takes."""
    append = compute_append(settings.pick(10, 2))
    viewed: list[OnTerminal] = []
    plain: list[OnTerminal] = []
    for _ in range(settings.rounds(full=7)):
        plain.append(run_on_terminal("--append", append, "--plain"))
        viewed.append(run_on_terminal("--append", append))
    least_drawn, most_printed = min(run.drawn_bytes for run in viewed), max(run.drawn_bytes for run in plain)
    if least_drawn < DRAWN_MIN * most_printed:
        raise MeasurementError(f"there was no view: {least_drawn} bytes with it, {most_printed} without")
    works = [{key: run.report[key] for key in ("icount", "digest", "outcome")} for run in (*plain, *viewed)]
    if any(work != works[0] for work in works):
        raise MeasurementError(f"runs with and without the view differ: {works}")
    result.work(f"compute {append}", works[0])
    result.value("guest with the bare console", "s", [run.wall_s for run in plain])
    result.value("guest with the view", "s", [run.wall_s for run in viewed])
    result.value("the view, drawn", "B/s", [run.drawn_bytes / run.wall_s for run in viewed])
    times = [run.wall_s for run in viewed], [run.wall_s for run in plain]
    ratio = result.value("time with the view / without", "x", paired_ratios(*times))
    result.judge("view.cost", ratio.median)


def run_on_terminal(*arguments: str) -> OnTerminal:
    """`lockstep run compute` on a terminal of its own. MeasurementError unless it ends well."""
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as directory:
        report = Path(directory) / "report.json"
        outside, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        process = subprocess.Popen(
            [*COMMAND, "run", "compute", "--clock", "virtual", *arguments, "--report", str(report)],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
            preexec_fn=_own_terminal,
            env={**environment(), "TERM": "xterm-256color"},
        )
        os.close(inside)
        drawn: list[bytes] = []
        reader = threading.Thread(target=_drain, args=(outside, drawn))
        reader.start()
        try:
            status = process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise MeasurementError(f"no end after {TIMEOUT_S} s on a terminal") from error
        finally:
            process.kill()
            process.wait()
            reader.join()
            os.close(outside)
        if status != 0:
            raise MeasurementError(f"exit status {status} on a terminal: {b''.join(drawn)[-300:]!r}")
        return OnTerminal(json.loads(report.read_text()), sum(map(len, drawn)))


def _own_terminal() -> None:
    """In the child, which leads a session: stdin becomes its terminal, as in a window of its own."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _drain(terminal: int, drawn: list[bytes]) -> None:
    """Until the last process has let go of the terminal."""
    while True:
        try:
            data = os.read(terminal, 1 << 16)
        except OSError:  # Linux says EIO then
            return
        if not data:
            return
        drawn.append(data)
