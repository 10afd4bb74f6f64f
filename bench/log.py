"""The log ring: entries/s in one process and across two, latency, and multiprocessing's peers.

The consumer folds what it reads into a hash, which has to equal that of every other run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from bench.log_peers import pipe_entries_per_s, queue_entries_per_s
from bench.log_timing import CAPACITY_BYTES, latencies_us, one_process, two_processes
from bench.results import CaseResult, MeasurementError, Spread, percentile
from bench.settings import Settings

PAYLOAD_SIZES = (0, 16, 256, 4096)
ENTRIES_PER_S_16, BYTES_PER_S_4096, LATENCY_US = 20e6, 4e9, 1.0


def measure(result: CaseResult, settings: Settings) -> None:
    """The ring, then what a user would pick instead."""
    affinity = os.sched_getaffinity(0)
    cpus = sorted(affinity)[:2]
    if len(cpus) < 2:
        result.note("one CPU only: producer and consumer take turns on it, which the targets don't allow for")
    try:
        os.sched_setaffinity(0, {cpus[0]})
        ours = _rates(result, settings, cpus)
        _latency(result, settings, cpus)
        _peers(result, settings, cpus, ours)
    finally:
        os.sched_setaffinity(0, affinity)


def _rates(result: CaseResult, settings: Settings, cpus: list[int]) -> dict[int, Spread]:
    """Entries/s across two processes, by size of payload."""
    result.note(f"ring of {CAPACITY_BYTES >> 10} KiB")
    two: dict[int, Spread] = {}
    for size in PAYLOAD_SIZES:
        count = min((1 << settings.pick(31, 20)) // (40 + size), 20_000_000) // 16 * 16
        cases: dict[str, Callable[[], tuple[float, int]]] = {
            "one process": partial(one_process, count, size),
            "two processes": partial(two_processes, count, size, cpus),
        }
        for name, case in cases.items():
            measured = [case() for _ in range(settings.rounds(smoke=2))]
            folds = {fold for _, fold in measured}
            if len(folds) != 1 or min(folds) < 0:
                raise MeasurementError(f"{name}, {size} bytes: runs differ or failed: {folds}")
            result.work(f"{name}, {size} bytes, {count} entries", sorted(folds))
            rates = [rate for rate, _ in measured]
            found = result.value(f"{name}, {size} bytes", "1/s", rates)
            if size:
                result.value(f"{name}, {size} bytes", "B/s", [rate * size for rate in rates])
            if name == "two processes":
                two[size] = found
    result.target("16 bytes: entries per s", two[16].median, "at least", ENTRIES_PER_S_16, "1/s")
    result.target("4096 bytes: bytes per s", two[4096].median * 4096, "at least", BYTES_PER_S_4096, "B/s")
    return two


def _latency(result: CaseResult, settings: Settings, cpus: list[int]) -> None:
    samples = latencies_us(settings.pick(20_000, 200), 16, cpus)
    result.value("append to seen, half of a round trip, 16 bytes", "us", samples)
    result.value("  99th percentile", "us", [percentile(samples, 99)])
    result.target("append to seen, median", percentile(samples, 50), "at most", LATENCY_US, "us")


def _peers(result: CaseResult, settings: Settings, cpus: list[int], ours: dict[int, Spread]) -> None:
    for name, peer in (("Queue", queue_entries_per_s), ("Pipe", pipe_entries_per_s)):
        for size in (16, 4096):
            rates = [peer(settings.pick(50_000, 1_000), size, cpus) for _ in range(settings.rounds(3, 1))]
            result.value(f"multiprocessing.{name}, {size} bytes", "1/s", rates)
            ratios = [ours[size].median / rate for rate in rates]
            result.value(f"  the ring / multiprocessing.{name}", "x", ratios)
