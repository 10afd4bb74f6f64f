"""The log ring: entries/s and bytes/s in one process and across two, latency, and multiprocessing's peers.

Two processes are pinned to two CPUs. Every rate is the median of several runs, with the smallest and largest.
The consumer folds what it reads into a hash, which has to equal what the producer put in.
"""

from __future__ import annotations

import ctypes
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from bench.log_peers import pipe_entries_per_s, queue_entries_per_s
from lockstep.log.entry import INPUT, entry_length, entry_payload
from lockstep.log.ring import ring_append, ring_peek, ring_pop
from lockstep.log.shared import SharedRing
from lockstep.log.words import load_word, store_word
from lockstep.native import nopython

PAYLOAD_SIZES = (0, 16, 256, 4096)
CAPACITY_BYTES = 1 << 18
TARGETS = "targets: 20 M entries/s at 16 bytes, 4 GB/s at 4096 bytes, latency p50 at most 1 us"


@nopython
def produce(base: int, count: int, payload: int, payload_size: int) -> int:
    """Append `count` entries, waiting for room; the first payload word is the number of the entry."""
    number = 0
    while number < count:
        if payload_size >= 8:
            store_word(payload, number)
        result = ring_append(base, INPUT, number, 0, payload, payload_size)
        if result >= 0:
            number += 1
        elif result != -1:
            return result
    return 0


@nopython
def consume(base: int, count: int) -> int:
    """Consume `count` entries; a fold of their first and last payload words, or a negative code."""
    number = 0
    fold = 0
    while number < count:
        entry = ring_peek(base)
        if entry > 0:
            length = entry_length(entry)
            if length >= 8:
                payload = entry_payload(entry)
                fold = (fold * 31 + load_word(payload) + load_word(payload + length - 8)) & 0x7FFF_FFFF_FFFF
            ring_pop(base)
            number += 1
        elif entry < 0:
            return entry
    return fold


@nopython
def alternate(base: int, count: int, batch: int, payload: int, payload_size: int) -> int:
    """Append and consume in turns of `batch` entries, in one process."""
    fold = 0
    for first in range(0, count, batch):
        for number in range(first, first + batch):
            if payload_size >= 8:
                store_word(payload, number)
            ring_append(base, INPUT, number, 0, payload, payload_size)
        for _ in range(batch):
            entry = ring_peek(base)
            if entry <= 0:
                return -1
            if payload_size >= 8:
                words = entry_payload(entry)
                fold = (fold * 31 + load_word(words) + load_word(words + payload_size - 8)) & 0x7FFF_FFFF_FFFF
            ring_pop(base)
    return fold


@nopython
def echo(there: int, back: int, count: int) -> int:
    """Answer `count` entries of one ring in the other."""
    number = 0
    while number < count:
        entry = ring_peek(there)
        if entry > 0:
            ring_append(back, INPUT, number, 0, entry_payload(entry), entry_length(entry))
            ring_pop(there)
            number += 1
        elif entry < 0:
            return entry
    return 0


@nopython
def ping(there: int, back: int, number: int, payload: int, payload_size: int) -> int:
    """One entry there and its answer back."""
    ring_append(there, INPUT, number, 0, payload, payload_size)
    entry = ring_peek(back)
    while entry == 0:
        entry = ring_peek(back)
    ring_pop(back)
    return entry


@nopython
def ping_many(there: int, back: int, first: int, count: int, payload: int, payload_size: int) -> None:
    """`count` round trips."""
    for number in range(first, first + count):
        ping(there, back, number, payload, payload_size)


def in_child(cpu: int, work: Callable[[], int]) -> int:
    """Fork a process pinned to `cpu` that does `work` and exits with 0 if that returned 0; its pid."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.sched_setaffinity(0, {cpu})
            status = 0 if work() == 0 else 1
        finally:
            os._exit(status)
    return pid


def join(pid: int) -> None:
    status = os.waitpid(pid, 0)[1]
    if status != 0:
        raise RuntimeError(f"a bench process ended with status {status}")


def one_process(count: int, payload_size: int) -> tuple[float, int]:
    payload = ctypes.create_string_buffer(max(payload_size, 8))
    address = ctypes.addressof(payload)
    with SharedRing.create(CAPACITY_BYTES, 0, 0) as ring:
        batch = 16
        alternate(ring.base, 0, batch, address, payload_size)
        start = time.perf_counter()
        fold = alternate(ring.base, count // batch * batch, batch, address, payload_size)
        return count // batch * batch / (time.perf_counter() - start), fold


def two_processes(count: int, payload_size: int, cpus: list[int]) -> tuple[float, int]:
    payload = ctypes.create_string_buffer(max(payload_size, 8))
    address = ctypes.addressof(payload)
    with SharedRing.create(CAPACITY_BYTES, 0, 0) as ring:
        produce(ring.base, 0, address, payload_size)
        consume(ring.base, 0)
        warm_up = min(count, 10_000)
        pid = in_child(cpus[-1], lambda: produce(ring.base, warm_up + count, address, payload_size))
        consume(ring.base, warm_up)
        start = time.perf_counter()
        fold = consume(ring.base, count)
        elapsed_s = time.perf_counter() - start
        join(pid)
        return count / elapsed_s, fold


def latencies_us(count: int, payload_size: int, cpus: list[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Half of each of `count` groups of 10 round trips between two processes, per trip."""
    group = 10
    payload = ctypes.create_string_buffer(max(payload_size, 8))
    address = ctypes.addressof(payload)
    with SharedRing.create(CAPACITY_BYTES, 0, 0) as there, SharedRing.create(CAPACITY_BYTES, 0, 1) as back:
        echo(there.base, back.base, 0)
        ping_many(there.base, back.base, 0, 0, address, payload_size)
        total = (count + 100) * group
        pid = in_child(cpus[-1], lambda: echo(there.base, back.base, total))
        ping_many(there.base, back.base, 0, 100 * group, address, payload_size)
        samples = np.empty(count)
        for index in range(count):
            start = time.perf_counter_ns()
            ping_many(there.base, back.base, (100 + index) * group, group, address, payload_size)
            samples[index] = (time.perf_counter_ns() - start) / (2e3 * group)
        join(pid)
        return samples


def machine() -> str:
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} CPUs, Linux {platform.release()}"


def spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def run(smoke: bool) -> dict[str, Any]:
    """Measure, print a table and return it as a dictionary. `smoke` runs little of everything."""
    affinity = os.sched_getaffinity(0)
    cpus = sorted(affinity)[:2]
    runs = 3 if smoke else 7
    bytes_per_run = 1 << (20 if smoke else 31)
    result: dict[str, Any] = {"machine": machine(), "rates": [], "peers": []}
    hasher = xxhash.xxh3_128()
    print(f"log ring, {result['machine']}\n{TARGETS}; ring of {CAPACITY_BYTES >> 10} KiB")
    print(f"{'':24}{'payload':>8}{'M entries/s':>13}{'min':>9}{'max':>9}{'GB/s':>8}")
    try:
        os.sched_setaffinity(0, {cpus[0]})
        for size in PAYLOAD_SIZES:
            count = min(bytes_per_run // (40 + size), 20_000_000) // 16 * 16
            cases: list[tuple[str, Callable[[], tuple[float, int]]]] = [
                ("one process", lambda count=count, size=size: one_process(count, size)),
                ("two processes", lambda count=count, size=size: two_processes(count, size, cpus)),
            ]
            for name, case in cases:
                measured = [case() for _ in range(runs)]
                folds = {fold for _, fold in measured}
                if len(folds) != 1 or min(folds) < 0:
                    raise RuntimeError(f"{name}, {size} bytes: runs differ or failed: {folds}")
                hasher.update(f"{name} {size} {count} {folds}".encode())
                rate = spread([rate for rate, _ in measured])
                result["rates"].append({"case": name, "payload_bytes": size, "entries_per_s": rate})
                print(_row(name, size, rate))
        samples = latencies_us(200 if smoke else 20_000, 16, cpus)
        p50, p99 = (float(np.percentile(samples, percent)) for percent in (50, 99))
        result["latency_us"] = {"p50": p50, "p99": p99}
        print(f"append to seen (half of a round trip, 16 bytes): p50 {p50:.3f} us, p99 {p99:.3f} us")
        ours = {
            rate["payload_bytes"]: rate["entries_per_s"]["median"]
            for rate in result["rates"]
            if rate["case"] == "two processes"
        }
        for name, peer in (("Queue", queue_entries_per_s), ("Pipe", pipe_entries_per_s)):
            for size in (16, 4096):
                rate = spread([peer(1_000 if smoke else 50_000, size, cpus) for _ in range(3)])
                ratio = ours[size] / rate["median"]
                result["peers"].append(
                    {"case": name, "payload_bytes": size, "entries_per_s": rate, "ring_ratio": ratio}
                )
                print(f"{_row('multiprocessing.' + name, size, rate)}   ring is {ratio:.0f} times as fast")
    finally:
        os.sched_setaffinity(0, affinity)
    result["hash"] = hasher.hexdigest()
    print(f"hash of the result {result['hash']}")
    return result


def _row(name: str, size: int, rate: dict[str, float]) -> str:
    median, least, most = (rate[key] / 1e6 for key in ("median", "min", "max"))
    return f"{name:24}{size:8}{median:13.3f}{least:9.3f}{most:9.3f}{median * size / 1e3:8.2f}"


if __name__ == "__main__":
    run("--smoke" in sys.argv)
