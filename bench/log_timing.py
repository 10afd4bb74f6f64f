"""Timed runs of the ring, in one process and across two that are pinned to two CPUs."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable

from bench.log_ring import alternate, consume, echo, ping_many, produce
from bench.results import MeasurementError
from lockstep.log.shared import SharedRing

CAPACITY_BYTES = 1 << 18


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
        raise MeasurementError(f"a bench process ended with status {status}")


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


def latencies_us(count: int, payload_size: int, cpus: list[int]) -> list[float]:
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
        samples = []
        for index in range(count):
            start = time.perf_counter_ns()
            ping_many(there.base, back.base, (100 + index) * group, group, address, payload_size)
            samples.append((time.perf_counter_ns() - start) / (2e3 * group))
        join(pid)
        return samples
