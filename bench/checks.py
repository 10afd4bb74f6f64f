"""What comparing the two machines while they run costs, and how soon a difference is found."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from bench.commands import Run, protected, run_lockstep, same_work
from bench.fill_guest import fill_guest, fill_instructions
from bench.guests import LINUX_COMMAND, compute_append, linux_files
from bench.results import CaseResult, MeasurementError, ToolMissingError, paired_ratios
from bench.settings import Settings

OFF = ("--check-every", "off")
DIVERGED, BOUNDED = 120, 124
TOUCHED_MIB = (64, 1024)
RAM_BASE = 0x8000_0000
FLIP_ICOUNT_MIN, FLIP_ICOUNT_MAX = 1_000_000, 600_000_000
SPIN = b"\x6f\x00\x00\x00"
"""j ."""


def measure(result: CaseResult, settings: Settings) -> None:
    """Pairs with checks as they are by default and without, in turns; one check by itself; flipped bits."""
    result.note("needs two idle cores: primary and secondary each keep one busy")
    one_check(result, settings)
    compare(result, settings.rounds(), "compute", compute_append(settings.pick(10, 2)))
    try:
        linux_files()
    except ToolMissingError as missing:
        result.skip(f"Linux: {missing}")
    else:
        if not settings.is_smoke:
            compare(result, settings.rounds(), "linux", LINUX_COMMAND)
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as directory:
        if not settings.is_smoke:
            for touched_mib in TOUCHED_MIB:
                compare_filled(result, settings.rounds(full=5), Path(directory), touched_mib)
        find_flips(result, settings.pick(10, 1), Path(directory))


def one_check(result: CaseResult, settings: Settings) -> None:
    """In this process: registers and devices alone, and RAM that is full of random bytes."""
    import numpy as np

    from lockstep.machine.checks import PAGE_BYTES, make_check
    from lockstep.machine.config import MachineConfig
    from lockstep.machine.machine import Machine

    memory_bytes = settings.pick(256, 16) << 20
    machine = Machine(
        MachineConfig(guest=SPIN, guest_name="spin", memory_bytes=memory_bytes, clock="virtual")
    )
    make_check(machine.wires, 0, 1)
    machine.wires.ram[:] = np.random.default_rng(1).integers(0, 256, memory_bytes, np.uint8)
    small_us, ram_gbps = [], []
    for _ in range(settings.pick(200, 20)):
        started_s = time.perf_counter()
        make_check(machine.wires, 0, 0)
        small_us.append((time.perf_counter() - started_s) * 1e6)
    for _ in range(settings.pick(20, 2)):
        started_s = time.perf_counter()
        make_check(machine.wires, 0, memory_bytes // PAGE_BYTES)
        ram_gbps.append(memory_bytes / (time.perf_counter() - started_s) / 1e9)
    result.value("registers and devices", "us", small_us)
    result.value("RAM, touched pages", "GB/s", ram_gbps)


def compare(result: CaseResult, rounds: int, guest: str, append: str) -> None:
    """Time with checks over time without."""
    without: list[Run] = []
    checked: list[Run] = []
    for _ in range(rounds):
        without.append(protected(guest, append, *OFF))
        checked.append(protected(guest, append))
    result.work(guest, same_work([*without, *checked]))
    judge(result, guest, checked, without)


def judge(
    result: CaseResult, name: str, checked: list[Run], without: list[Run], key: str = "checks.cost"
) -> None:
    """The ratio, how many checks there were, and the target."""
    result.value(f"{name}: checks in a run", "", [run.report["checks"]["compared"] for run in checked])
    times_s = [run.wall_s for run in checked], [run.wall_s for run in without]
    ratio = result.value(f"{name}: time with checks / without", "x", paired_ratios(*times_s))
    result.judge(key, ratio.median, name)


def compare_filled(result: CaseResult, rounds: int, directory: Path, touched_mib: int) -> None:
    """A guest that has touched much, and then counts: the cost is that of reading its RAM every 0.8 s."""
    guest = directory / f"fill-{touched_mib}"
    guest.write_bytes(fill_guest(touched_mib))
    bound = fill_instructions(touched_mib) + 2_000_000_000
    arguments = (str(guest), "--memory", "2G", "--clock", "virtual", "--max-icount", str(bound))
    without: list[Run] = []
    checked: list[Run] = []
    for _ in range(rounds):
        without.append(run_lockstep(*arguments, *OFF, statuses=(BOUNDED,)))
        checked.append(run_lockstep(*arguments, statuses=(BOUNDED,)))
    name = f"{touched_mib} MiB touched"
    result.work(name, same_work([*without, *checked]))
    judge(result, name, checked, without, "checks.cost" if touched_mib < 1024 else "checks.cost_1gib")


def find_flips(result: CaseResult, count: int, directory: Path) -> None:
    """Bits of a register and of RAM that the guest uses neither of, flipped at random times: when they are found."""
    guest = directory / "spin"
    guest.write_bytes(SPIN)
    draw = random.Random(1)
    for name in ("register", "RAM"):
        found_ms = []
        for _ in range(count):
            icount = draw.randrange(FLIP_ICOUNT_MIN, FLIP_ICOUNT_MAX)
            where = "x7" if name == "register" else f"{RAM_BASE + draw.randrange(4096, 128 << 20):#x}"
            arguments = ("--clock", "virtual", "--timeout", "10", "--inject", f"{where}@{icount}:3")
            run = run_lockstep(str(guest), *arguments, statuses=(DIVERGED, BOUNDED))
            divergence = run.report["divergence"]
            if divergence is None:
                raise MeasurementError(f"bit 3 of {where}, flipped at icount {icount}, was never found")
            # The guest runs at one speed from its start to where it was found to differ.
            behind = (divergence["icount"] - icount) / divergence["icount"]
            found_ms.append(behind * run.wall_s * 1e3)
        found = result.value(f"a bit of {name}: found after", "ms", found_ms)
        result.judge("checks.found", found.max, f"{name}, longest")
