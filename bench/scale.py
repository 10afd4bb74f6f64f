"""How cost grows: with the size of RAM, with the rate of the log, with the number of failovers."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench.checks import SPIN
from bench.commands import Run, run_lockstep, running, same_work, solo
from bench.fill_guest import fill_guest, fill_instructions
from bench.guests import compute_append
from bench.inject import KINDS, record, replay, undisturbed
from bench.processes import guest_memory, rollup_bytes
from bench.results import CaseResult, MeasurementError, Point
from bench.settings import Settings
from lockstep.machine.checks import PAGE_BYTES, make_check
from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine

MIB = 1 << 20
MEMORY_MIB = (64, 256, 1024, 2048)
TOUCHED_MIB = 32
GAPS_POSITIONS = (100, 1_000, 10_000, 100_000)
FAILOVERS = (0, 2, 4, 8)
CRASH = ("--crash", "primary@100ms")
TIMED_OUT = 124


def measure(result: CaseResult, settings: Settings) -> None:
    """Each by itself; everything else is as in the other benchmarks."""
    sizes = MEMORY_MIB[: settings.pick(len(MEMORY_MIB), 1)]
    for memory_mib in sizes:
        with_ram(result, settings, memory_mib)
    with_log_rate(result, settings)
    with_failovers(result, settings)


def with_ram(result: CaseResult, settings: Settings, memory_mib: int) -> None:
    """Start, clone and memory of guests that touch little of it; a check of all of it."""
    size = f"{memory_mib}M"
    starts = [solo("hello", "", "--memory", size, clock="host") for _ in range(settings.rounds(full=3))]
    _point(result, f"{size}: first byte of hello", "s", [run.first_byte_s for run in starts], memory_mib)
    clones = _clones(size, settings.pick(4, 2))
    _point(result, f"{size}: pause for a clone", "ms", [clone["pause_ms"] for clone in clones], memory_mib)
    totals = [clone["total_ms"] for clone in clones]
    _point(result, f"{size}: Protected again after", "ms", totals, memory_mib)
    checks_ms = _checks_ms(memory_mib << 20, settings.pick(5, 1))
    _point(result, f"{size}: check of all RAM", "ms", checks_ms, memory_mib)
    _point(result, f"{size}: PSS beyond touched RAM", "MiB", [_beyond_touched_mib(memory_mib)], memory_mib)
    result.work(size, [run.report["console"] for run in starts])


def _point(result: CaseResult, name: str, unit: str, values: list[float], x: float) -> None:
    """One point of the curve that is named by what comes behind the colon."""
    result.value(name, unit, values, Point(name.split(": ")[1], "MiB of RAM", x))


def _clones(memory: str, run_s: int) -> list[dict[str, float]]:
    """Of a guest that has touched TOUCHED_MIB."""
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as directory:
        guest = Path(directory) / "fill.bin"
        guest.write_bytes(fill_guest(TOUCHED_MIB))
        options = ("--memory", memory, "--crash-every", "200ms", "--timeout", str(run_s))
        report = run_lockstep(str(guest), *options, statuses=(TIMED_OUT,)).report
    filled = fill_instructions(TOUCHED_MIB)
    clones = [clone for clone in report["clones"] if clone["icount"] >= filled]
    if not clones:
        raise MeasurementError(f"no clone of a guest of {memory} in {run_s} s")
    return clones


def _checks_ms(memory_bytes: int, count: int) -> list[float]:
    """A check of every page, none of which is empty."""
    machine = Machine(
        MachineConfig(guest=SPIN, guest_name="spin", memory_bytes=memory_bytes, clock="virtual")
    )
    machine.wires.ram[:] = 0x5A
    found = []
    for _ in range(count):
        started_s = time.perf_counter()
        make_check(machine.wires, 0, memory_bytes // PAGE_BYTES)
        found.append((time.perf_counter() - started_s) * 1e3)
    return found


def _beyond_touched_mib(memory_mib: int) -> float:
    """Of a machine by itself that computes."""
    options = ("--solo", "--clock", "virtual", "--memory", f"{memory_mib}M", "--append", "rounds=1000")
    with running("compute", *options, until=b"round 0 quicksort") as process:
        touched = guest_memory(process.pid, memory_mib << 20).touched_bytes
        return (rollup_bytes(process.pid, "Pss") - touched) / MIB


def with_log_rate(result: CaseResult, settings: Settings) -> None:
    """A machine that follows a log in which an INPUT entry interrupts the guest every so many positions."""
    total = settings.pick(30_000_000, 200_000)
    kind = KINDS["UART"]
    for gap in GAPS_POSITIONS:
        recording = record(kind, total // gap, gap)
        ratios = [replay(recording) / undisturbed(kind, total) for _ in range(settings.rounds(full=5))]
        name = f"{1_000_000 // gap} entries a million positions: time / without"
        result.value(name, "x", ratios, Point("time / without", "entries a million positions", 1e6 / gap))
        result.work(name, recording.work)


def with_failovers(result: CaseResult, settings: Settings) -> None:
    """compute, whose primary is killed as soon as the pair is Protected, again and again."""
    append = compute_append(settings.pick(10, 2))
    numbers = FAILOVERS[: settings.pick(len(FAILOVERS), 2)]
    runs: dict[int, list[Run]] = {number: [] for number in numbers}
    for _ in range(settings.rounds(full=3)):
        for number, several in runs.items():
            run = run_lockstep("compute", "--clock", "virtual", "--append", append, *CRASH * number)
            if len(run.report["failovers"]) != number:
                raise MeasurementError(f"{number} kills came to {len(run.report['failovers'])} failovers")
            several.append(run)
    result.work(f"compute {append}", same_work([run for several in runs.values() for run in several]))
    for number, several in runs.items():
        seconds = [run.wall_s for run in several]
        result.value(f"{number} failovers: compute", "s", seconds, Point("compute", "failovers", number))
    most = numbers[-1]
    each_ms = [
        (with_most.wall_s - without.wall_s) / most * 1e3
        for with_most, without in zip(runs[most], runs[0], strict=True)
    ]
    result.value("each failover: time lost", "ms", each_ms)
