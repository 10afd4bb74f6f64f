"""Timed runs of the ring: each end alone, and both across two processes that are pinned to two CPUs."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.log_ring import consume, cycles_now, echo, ping, produce
from bench.results import MeasurementError
from lockstep.log.shared import SharedRing

CAPACITY_BYTES = 1 << 18
FOR_EVER = -1
CALIBRATION_S = 0.02


@dataclasses.dataclass(frozen=True)
class Rate:
    """Entries per second, and a hash of what was read, where somebody read."""

    per_s: float
    fold: int = 0


def payload_buffer(payload_size: int) -> Any:
    """Memory that a payload is taken from; its first word is changed all the time."""
    return ctypes.create_string_buffer(max(payload_size, 8))


def in_child(cpu: int, work: Callable[[], bool]) -> int:
    """Fork a process pinned to `cpu` that does `work` and exits with 0 if that returned True; its pid."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.sched_setaffinity(0, {cpu})
            status = 0 if work() else 1
        finally:
            os._exit(status)
    return pid


def join(pid: int) -> None:
    """Wait for a child. MeasurementError if it failed."""
    status = os.waitpid(pid, 0)[1]
    if status != 0:
        raise MeasurementError(f"a bench process ended with status {status}")


def each_alone(count: int, payload_size: int) -> tuple[Rate, Rate]:
    """In one process: append until the ring is full, consume until it is empty, by turns, each timed by itself."""
    payload = payload_buffer(payload_size)
    address, state = ctypes.addressof(payload), np.zeros(1, np.int64)
    append_s = consume_s = 0.0
    done = 0
    with SharedRing.create(CAPACITY_BYTES, 0, 0) as ring:
        produce(ring.base, 0, 0, address, payload_size, 0)
        consume(ring.base, 0, 0, state)
        while done < count:
            started_s = time.perf_counter()
            appended = produce(ring.base, done, count - done, address, payload_size, 0)
            full_s = time.perf_counter()
            consumed = consume(ring.base, appended, 0, state)
            empty_s = time.perf_counter()
            if appended <= 0 or consumed != appended:
                raise MeasurementError(f"{appended} entries were appended and {consumed} consumed")
            append_s, consume_s = append_s + full_s - started_s, consume_s + empty_s - full_s
            done += appended
    return Rate(count / append_s), Rate(count / consume_s, int(state[0]))


def two_processes(count: int, payload_size: int, cpus: list[int]) -> Rate:
    """A producer on another CPU, as fast as it goes, and the consumer here."""
    payload = payload_buffer(payload_size)
    address, state = ctypes.addressof(payload), np.zeros(1, np.int64)
    with SharedRing.create(CAPACITY_BYTES, 0, 0) as ring:
        produce(ring.base, 0, 0, address, payload_size, FOR_EVER)
        consume(ring.base, 0, FOR_EVER, state)
        warm_up = min(count, 10_000)
        total = warm_up + count
        pid = in_child(
            cpus[-1], lambda: produce(ring.base, 0, total, address, payload_size, FOR_EVER) == total
        )
        consume(ring.base, warm_up, FOR_EVER, state)
        state[0] = 0
        started_s = time.perf_counter()
        consumed = consume(ring.base, count, FOR_EVER, state)
        elapsed_s = time.perf_counter() - started_s
        join(pid)
    if consumed != count:
        raise MeasurementError(f"{count} entries of {payload_size} bytes: the ring says {consumed}")
    return Rate(count / elapsed_s, int(state[0]))


def latencies_us(count: int, payload_size: int, cpus: list[int]) -> list[float]:
    """From append to seen: half of each of `count` round trips between two processes, by one CPU's counter."""
    payload = payload_buffer(payload_size)
    address = ctypes.addressof(payload)
    warm_up = np.zeros(max(count // 10, 1), np.int64)
    cycles = np.zeros(count, np.int64)
    with SharedRing.create(CAPACITY_BYTES, 0, 0) as there, SharedRing.create(CAPACITY_BYTES, 0, 1) as back:
        echo(there.base, back.base, 0)
        ping(there.base, back.base, 0, cycles[:0], address, payload_size)
        total = len(warm_up) + count
        pid = in_child(cpus[-1], lambda: echo(there.base, back.base, total) == 0)
        ping(there.base, back.base, 0, warm_up, address, payload_size)
        failure = ping(there.base, back.base, len(warm_up), cycles, address, payload_size)
        join(pid)
    if failure:
        raise MeasurementError(f"round trips: the ring says {failure}")
    per_us = cycles_per_us()
    return [float(trip) / per_us / 2 for trip in cycles]


def cycles_per_us() -> float:
    """How fast the processor's counter counts."""
    started_s, started = time.perf_counter(), cycles_now()
    time.sleep(CALIBRATION_S)
    return float(cycles_now() - started) / (time.perf_counter() - started_s) / 1e6
