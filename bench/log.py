"""The log: the ring by itself and across two processes, over TCP, at rest, beside what a user would pick instead.

Whoever consumes folds what he reads into a hash, which has to equal that of every other run.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.log_at_rest import LOGS, draw_entries, write_and_read
from bench.log_peers import copied_bytes_per_s, pipe_entries_per_s, pyzmq_entries_per_s, queue_entries_per_s
from bench.log_tcp import tcp_latencies_us, tcp_rate
from bench.log_timing import CAPACITY_BYTES, Rate, each_alone, latencies_us, two_processes
from bench.results import CaseResult, MeasurementError, Point, ToolMissingError, paired_ratios, percentile
from bench.settings import Settings

PAYLOAD_SIZES = (0, 16, 64, 256, 1024, 4096)
PEER_PAYLOAD_SIZES = (16, 4096)
ENTRIES_MAX = 10_000_000
PEERS: dict[str, tuple[str, Callable[[int, int, list[int]], float]]] = {
    "multiprocessing.Queue": ("log.queue", queue_entries_per_s),
    "multiprocessing.Pipe": ("", pipe_entries_per_s),
    "pyzmq, ipc": ("log.pyzmq", pyzmq_entries_per_s),
}
"""By name: the promise that is judged, if any, and how it is measured."""


def measure(result: CaseResult, settings: Settings) -> None:
    """All of it; the two processes that are measured are pinned to two CPUs."""
    affinity = os.sched_getaffinity(0)
    cpus = sorted(affinity)[:2]
    if len(cpus) < 2:
        result.note("one CPU only: producer and consumer take turns on it, which the targets don't allow for")
    try:
        os.sched_setaffinity(0, {cpus[0]})
        rates(result, settings, cpus)
        latency(result, settings, cpus)
        for size in PEER_PAYLOAD_SIZES:
            beside_peers(result, settings, cpus, size)
        over_tcp(result, settings, cpus)
        at_rest(result, settings)
    finally:
        os.sched_setaffinity(0, affinity)


def rates(result: CaseResult, settings: Settings, cpus: list[int]) -> None:
    """Entries/s and bytes/s of payload, by its size."""
    result.note(f"ring of {CAPACITY_BYTES >> 10} KiB")
    sizes = PAYLOAD_SIZES[:: settings.pick(1, 5)]
    for size in sizes:
        count = min((1 << settings.pick(30, 20)) // (40 + size), ENTRIES_MAX)
        found: dict[str, list[Rate]] = {"append alone": [], "consume alone": [], "two processes": []}
        for _ in range(settings.rounds()):
            append, consume = each_alone(count, size)
            found["append alone"].append(append)
            found["consume alone"].append(consume)
            found["two processes"].append(two_processes(count, size, cpus))
        folds = {rate.fold for rate in found["two processes"]}
        result.work(f"{size} bytes, {count} entries, alone", _one_fold(found["consume alone"]))
        result.work(f"{size} bytes, {count} entries, two processes", folds.pop())
        if folds:
            raise MeasurementError(f"two processes, {size} bytes: runs differ: {folds}")
        for name, several in found.items():
            per_s = [rate.per_s for rate in several]
            point = Point(name, "bytes of payload", size)
            result.value(f"{name}, {size} bytes", "1/s", per_s, point)
            if size:
                bytes_per_s = [rate * size for rate in per_s]
                result.value(f"{name}, {size} bytes", "B/s", bytes_per_s, point)


def _one_fold(rates: list[Rate]) -> int:
    folds = {rate.fold for rate in rates}
    if len(folds) != 1:
        raise MeasurementError(f"runs read different entries: {folds}")
    return folds.pop()


def latency(result: CaseResult, settings: Settings, cpus: list[int]) -> None:
    """Between two processes that both look all the time."""
    samples = latencies_us(settings.pick(100_000, 500), 16, cpus)
    result.value("append to seen, half of a round trip, 16 bytes", "us", samples)
    result.value("append to seen, 99th percentile", "us", [percentile(samples, 99)])
    result.judge("log.latency", percentile(samples, 50))


def beside_peers(result: CaseResult, settings: Settings, cpus: list[int], size: int) -> None:
    """The ring and its peers in turns, across two processes."""
    peers = dict(PEERS)
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in peers}
    copied: list[float] = []
    for _ in range(settings.rounds(full=5)):
        count = min((1 << settings.pick(29, 20)) // (40 + size), ENTRIES_MAX)
        ours.append(two_processes(count, size, cpus).per_s)
        copied.append(copied_bytes_per_s(settings.pick(2_000, 50)))
        for name, (_, peer) in list(peers.items()):
            try:
                theirs[name].append(peer(settings.pick(50_000, 1_000), size, cpus))
            except ToolMissingError as missing:
                result.skip(f"{name}: {missing}")
                del peers[name], theirs[name]
    ring = result.value(f"two processes beside peers, {size} bytes", "1/s", ours)
    if size == 16:
        result.judge("log.entries", ring.median)
    else:
        result.judge("log.bytes", ring.median * size)
    for name, (key, _) in peers.items():
        result.value(f"{name}, {size} bytes", "1/s", theirs[name])
        ratio = result.value(f"the ring / {name}, {size} bytes", "x", paired_ratios(ours, theirs[name]))
        if key and size == 16:
            result.judge(key, ratio.median)
    result.value("memory copied within one process", "B/s", copied)
    moved = [rate * (40 + size) for rate in ours]
    result.value(f"the ring's bytes / memory copied, {size} bytes", "x", paired_ratios(moved, copied))


def over_tcp(result: CaseResult, settings: Settings, cpus: list[int]) -> None:
    """Through the channel's threads, which are written in Python."""
    for size in PEER_PAYLOAD_SIZES:
        count = settings.pick(200_000, 1_000)
        found = [tcp_rate(count, size, cpus) for _ in range(settings.rounds(full=3))]
        result.work(f"TCP, {size} bytes, {count} entries", _one_fold(found))
        result.value(f"over TCP, {size} bytes", "1/s", [rate.per_s for rate in found])
        result.value(f"over TCP, {size} bytes", "B/s", [rate.per_s * size for rate in found])
    samples = tcp_latencies_us(settings.pick(1_000, 20), cpus)
    result.value("over TCP, append to seen", "us", samples)
    result.value("over TCP, append to seen, 99th percentile", "us", [percentile(samples, 99)])


def at_rest(result: CaseResult, settings: Settings) -> None:
    """Written to a trace by frames of 65,536 entries, and read; what each entry takes there."""
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as directory:
        for name, (kind, size) in LOGS.items():
            count = settings.pick(5_000 if size == 4096 else 100_000, 1_000)
            entries = draw_entries(kind, count, size)
            found = [write_and_read(entries, Path(directory) / "log") for _ in range(settings.rounds(full=3))]
            result.work(f"at rest, {name}, {count}", found[0].fold)
            result.value(f"at rest, {name}: write", "1/s", [one.written_per_s for one in found])
            result.value(f"at rest, {name}: read", "1/s", [one.read_per_s for one in found])
            result.value(f"at rest, {name}: an entry", "B", [one.bytes_per_entry for one in found])
