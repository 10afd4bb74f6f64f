"""Re-protection of a guest of 256 MiB, by how much of that it has touched."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from bench.commands import run_lockstep
from bench.fill_guest import fill_guest, fill_instructions
from bench.results import CaseResult, MeasurementError
from bench.settings import Settings

MEMORY = "256M"
FILLS_MIB = (1, 64, 192)
TIMED_OUT = 124
RUNS_MAX = 20


def measure(result: CaseResult, settings: Settings) -> None:
    """Kills again and again, and takes every clone that was made after the guest had touched its memory."""
    result.note(f"guest of {MEMORY} that holds N MiB of random words, which can't be compressed, and counts")
    for fill_mib in FILLS_MIB[: settings.pick(len(FILLS_MIB), 1)]:
        clones = _clones(fill_mib, settings.pick(40, 1), settings.pick(10, 2))
        name = f"{fill_mib} MiB touched"
        result.value(f"{name}: bytes sent", "MiB", [clone["bytes"] / (1 << 20) for clone in clones])
        pause = result.value(f"{name}: pause", "ms", [clone["pause_ms"] for clone in clones])
        total = result.value(f"{name}: protected again after", "ms", [clone["total_ms"] for clone in clones])
        result.judge("clone.pause", pause.median, name)
        result.judge("clone.protected", total.max, name)
        result.work(name, fill_instructions(fill_mib))


def _clones(fill_mib: int, wanted: int, run_s: int) -> list[dict[str, Any]]:
    clones: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as directory:
        guest = Path(directory) / "fill.bin"
        guest.write_bytes(fill_guest(fill_mib))
        for _ in range(RUNS_MAX):
            arguments = (str(guest), "--memory", MEMORY, "--crash-every", "200ms", "--timeout", str(run_s))
            report = run_lockstep(*arguments, statuses=(TIMED_OUT,)).report
            filled = fill_instructions(fill_mib)
            late = [clone for clone in report["clones"] if clone["icount"] >= filled]
            if any(clone["bytes"] < fill_mib << 20 for clone in late):
                raise MeasurementError(
                    f"a clone of {fill_mib} MiB of random words is smaller than that: {late}"
                )
            clones += late
            if len(clones) >= wanted:
                return clones
    raise MeasurementError(f"{len(clones)} clones in {RUNS_MAX} runs, {wanted} are wanted")
