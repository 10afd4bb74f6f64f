"""compute and a Linux boot, beside plain Unicorn and QEMU in the same run."""

from __future__ import annotations

import json
import sys

from bench.commands import Run, TimedProcess, same_work, solo, time_process
from bench.guests import bundled, compute_append
from bench.profile import hot_symbols
from bench.qemu_peer import Mode, require_qemu, run_bundled
from bench.results import CaseResult, MeasurementError, ToolMissingError, paired_ratios
from bench.settings import Settings
from bench.speed_linux import measure_linux

COMPUTE_ROUNDS = 10


def measure(result: CaseResult, settings: Settings) -> None:
    """Both guests; what lacks a peer is skipped, what fails is said to have failed."""
    append = compute_append(settings.pick(COMPUTE_ROUNDS, 1))
    measure_compute(result, settings, append)
    hot_symbols(result, "compute", "run", "compute", "--solo", "--clock", "virtual", "--append", append)
    try:
        measure_linux(result, settings)
    except ToolMissingError as missing:
        result.skip(f"Linux: {missing}")


def measure_compute(result: CaseResult, settings: Settings, append: str) -> None:
    """The whole guest, everybody in turns."""
    try:
        require_qemu()
        has_qemu = True
    except ToolMissingError as missing:
        result.skip(f"compute on QEMU: {missing}")
        has_qemu = False
    ours: list[Run] = []
    unicorn_s: list[float] = []
    qemu_s: dict[Mode, list[float]] = {Mode.RECORD: [], Mode.PLAIN: []}
    for _ in range(settings.rounds()):
        ours.append(solo("compute", append))
        unicorn_s.append(_plain_unicorn_s(append, ours[0].output))
        for mode, seconds in qemu_s.items():
            if has_qemu:
                seconds.append(_qemu_s(append, ours[0].output, mode))
    result.work("compute", same_work(ours))
    result.note(f"compute {append}, {ours[0].report['icount'] / 1e6:.1f} M instructions; interleaved runs")
    guest_s = [run.wall_s for run in ours]
    result.value("lockstep solo, guest", "s", guest_s)
    result.value("lockstep solo, whole process", "s", [run.whole_s for run in ours])
    result.value("lockstep solo", "MIPS", [run.report["mips"] for run in ours])
    result.value("plain Unicorn, emu_start", "s", unicorn_s)
    unicorn = result.value("speed / plain Unicorn", "x", paired_ratios(unicorn_s, guest_s))
    result.judge("speed.unicorn", unicorn.median)
    if has_qemu:
        for mode, name in ((Mode.RECORD, "QEMU rr=record"), (Mode.PLAIN, "QEMU plain")):
            result.value(f"{name}, whole less start-up", "s", qemu_s[mode])
            ratio = result.value(f"speed / {name}", "x", paired_ratios(qemu_s[mode], guest_s))
            if mode is Mode.RECORD:
                result.judge("speed.qemu", ratio.median)


def _plain_unicorn_s(append: str, expected: bytes) -> float:
    timed = time_process([sys.executable, "-m", "bench.plain_unicorn", str(bundled("compute")), append])
    found = json.loads(timed.output)
    _require_same_console("plain Unicorn", found["console"].encode(), expected)
    return float(found["seconds"])


def _qemu_s(append: str, expected: bytes, mode: Mode) -> float:
    """The whole process, less that of a guest that does next to nothing."""
    start_up: TimedProcess = run_bundled("hello", "", mode)
    timed = run_bundled("compute", append, mode)
    _require_same_console("QEMU", timed.output, expected)
    return timed.whole_s - start_up.whole_s


def _require_same_console(who: str, console: bytes, expected: bytes) -> None:
    if console.replace(b"\r", b"") != expected.replace(b"\r", b""):
        raise MeasurementError(f"compute on {who} printed something else: {console[-200:]!r}")
