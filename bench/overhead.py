"""What protection costs: the guest's time solo over its time protected, in turns."""

from __future__ import annotations

import subprocess
import sys
import threading

from bench.commands import Run, protected, same_work, solo
from bench.guests import LINUX_COMMAND, compute_append, linux_files
from bench.results import CaseResult, MeasurementError, ToolMissingError, paired_ratios
from bench.settings import Settings

LOOP = "import time; s = time.perf_counter(); sum(i * i for i in range({})); print(time.perf_counter() - s)"


def measure(result: CaseResult, settings: Settings) -> None:
    """compute and a Linux boot, under the virtual clock; the machine's own limits first."""
    result.note("needs two idle cores: primary and secondary each keep one busy")
    calibrate(result, settings)
    compute = compute_append(settings.pick(10, 2))
    measure_guest(result, settings.rounds(), "compute", compute)
    try:
        linux_files()
    except ToolMissingError as missing:
        result.skip(f"Linux: {missing}")
        return
    if not settings.is_smoke:
        measure_guest(result, settings.rounds(full=5), "linux", LINUX_COMMAND)


def calibrate(result: CaseResult, settings: Settings) -> None:
    """Two busy loops that know nothing of each other, against one: what this machine's second core is worth."""
    count = settings.pick(20_000_000, 1_000_000)
    ratios = []
    for _ in range(settings.rounds(full=5, smoke=2)):
        alone_s = _loops_s(1, count)[0]
        ratios.append(alone_s / max(_loops_s(2, count)))
    result.value("two busy loops at once, speed of each / alone", "x", ratios)


def measure_guest(result: CaseResult, rounds: int, guest: str, append: str) -> None:
    """Ratio, the ratio of two solo runs at once to one alone, and what of the loss is our own."""
    alone: list[Run] = []
    pairs: list[Run] = []
    together: list[tuple[Run, Run]] = []
    for _ in range(rounds):
        alone.append(solo(guest, append))
        pairs.append(protected(guest, append))
        together.append(_two_solos(guest, append))
    result.work(guest, same_work([*alone, *pairs, *(run for both in together for run in both)]))
    alone_s = [run.wall_s for run in alone]
    together_s = [max(run.wall_s for run in both) for both in together]
    result.value(f"{guest}, solo", "s", alone_s)
    result.value(f"{guest}, protected", "s", [run.wall_s for run in pairs])
    result.value(f"{guest}, two solo runs at once, the slower", "s", together_s)
    ratios = paired_ratios(alone_s, [run.wall_s for run in pairs])
    limits = paired_ratios(alone_s, together_s)
    ratio = result.value(f"{guest}: speed protected / solo", "x", ratios)
    result.value(f"{guest}: speed of two solo runs at once / solo", "x", limits)
    calibrated = result.value(
        f"{guest}: calibrated, protected / two solo at once", "x", paired_ratios(ratios, limits)
    )
    result.judge(f"overhead.{guest}", ratio.median)
    result.note(
        f"{guest}: calibrated {calibrated.median:.3f}: what two cores of this machine cost is left out"
    )


def _two_solos(guest: str, append: str) -> tuple[Run, Run]:
    runs: list[Run] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            runs.append(solo(guest, append))
        except MeasurementError as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return runs[0], runs[1]


def _loops_s(processes: int, count: int) -> list[float]:
    command = [sys.executable, "-c", LOOP.format(count)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    return [float(process.communicate()[0]) for process in started]
