"""What a user would pick instead of the ring, from one process to another; and the limit, memory copied."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

from bench.results import ToolMissingError

Receive = Callable[[], bytes]
COPY_BYTES = 1 << 18
"""As much as the ring that is measured."""


def queue_entries_per_s(count: int, payload_size: int, cpus: list[int]) -> float:
    """Through `multiprocessing.Queue`."""
    context = multiprocessing.get_context("fork")
    queue: Any = context.Queue(1024)
    return _drain(lambda: queue.put, queue.get, count, payload_size, cpus[-1])


def pipe_entries_per_s(count: int, payload_size: int, cpus: list[int]) -> float:
    """Through `multiprocessing.Pipe`."""
    reader, writer = multiprocessing.get_context("fork").Pipe(duplex=False)
    with reader, writer:
        return _drain(lambda: writer.send_bytes, reader.recv_bytes, count, payload_size, cpus[-1])


def pyzmq_entries_per_s(count: int, payload_size: int, cpus: list[int]) -> float:
    """Through pyzmq's PUSH and PULL over ipc. ToolMissingError without it."""
    try:
        zmq: Any = importlib.import_module("zmq")
    except ImportError:
        raise ToolMissingError("pyzmq isn't installed: install lockstep-vm[bench]") from None
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as directory:
        address = f"ipc://{directory}/log"

        def connect() -> Callable[[bytes], Any]:
            socket = zmq.Context().socket(zmq.PUSH)
            socket.connect(address)
            send: Callable[[bytes], Any] = socket.send
            return send

        with zmq.Context() as context, context.socket(zmq.PULL) as puller:
            puller.bind(address)
            return _drain(connect, puller.recv, count, payload_size, cpus[-1])


def copied_bytes_per_s(count: int) -> float:
    """`count` copies of COPY_BYTES within this process."""
    import numpy as np

    source, target = np.ones(COPY_BYTES, np.uint8), np.zeros(COPY_BYTES, np.uint8)
    np.copyto(target, source)
    started_s = time.perf_counter()
    for _ in range(count):
        np.copyto(target, source)
    return count * COPY_BYTES / (time.perf_counter() - started_s)


def _feed(connect: Callable[[], Callable[[bytes], Any]], ready: Any, count: int, size: int, cpu: int) -> None:
    os.sched_setaffinity(0, {cpu})
    payload = bytes(size)
    send = connect()
    ready.wait()
    for _ in range(count):
        send(payload)


def _drain(
    connect: Callable[[], Callable[[bytes], Any]],
    receive: Receive,
    count: int,
    payload_size: int,
    cpu: int,
) -> float:
    """Entries/s of a process on `cpu` that connects and sends, received here."""
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=_feed, args=(connect, ready, count, payload_size, cpu))
    process.start()
    ready.set()
    receive()
    started_s = time.perf_counter()
    for _ in range(count - 1):
        assert len(receive()) == payload_size
    elapsed_s = time.perf_counter() - started_s
    process.join()
    return (count - 1) / elapsed_s
