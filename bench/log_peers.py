"""What a user would pick instead of the ring: entries/s through multiprocessing's Queue and Pipe."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from typing import Any

Receive = Callable[[], bytes]


def queue_entries_per_s(count: int, payload_size: int, cpus: list[int]) -> float:
    """From one process to another through `multiprocessing.Queue`."""
    context = multiprocessing.get_context("fork")
    queue: Any = context.Queue(1024)
    ready: Any = context.Event()
    process = context.Process(target=_feed, args=(queue.put, ready, count, payload_size, cpus[-1]))
    return _drain(process, ready, queue.get, count, payload_size)


def pipe_entries_per_s(count: int, payload_size: int, cpus: list[int]) -> float:
    """From one process to another through `multiprocessing.Pipe`."""
    context = multiprocessing.get_context("fork")
    reader, writer = context.Pipe(duplex=False)
    ready: Any = context.Event()
    process = context.Process(target=_feed, args=(writer.send_bytes, ready, count, payload_size, cpus[-1]))
    rate = _drain(process, ready, reader.recv_bytes, count, payload_size)
    reader.close()
    writer.close()
    return rate


def _feed(send: Callable[[bytes], None], ready: Any, count: int, payload_size: int, cpu: int) -> None:
    os.sched_setaffinity(0, {cpu})
    payload = bytes(payload_size)
    ready.wait()
    for _ in range(count):
        send(payload)


def _drain(process: Any, ready: Any, receive: Receive, count: int, payload_size: int) -> float:
    process.start()
    ready.set()
    receive()
    start = time.perf_counter()
    for _ in range(count - 1):
        assert len(receive()) == payload_size
    elapsed_s = time.perf_counter() - start
    process.join()
    return (count - 1) / elapsed_s
