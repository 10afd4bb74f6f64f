"""The log over TCP: the channel's two ends in two processes, as the hosts of a pair have them."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.log_ring import consume, produce
from bench.log_timing import Rate, in_child, join, payload_buffer
from bench.results import MeasurementError
from lockstep.host.channel import TcpPrimaryChannel, TcpSecondaryChannel, listen, new_secret
from lockstep.log.entry import INPUT
from lockstep.log.shared import SharedRing

POLL_S = 0.0002
LATENCY_EVERY_S = 0.002
TIMEOUT_S = 60.0
_WORD_BYTES = 8


def tcp_rate(count: int, payload_size: int, cpus: list[int]) -> Rate:
    """`count` entries, as fast as they go; timed by who receives them."""

    def receive(ring: SharedRing) -> list[float]:
        state, done, started_s = np.zeros(1, np.int64), 0, 0.0
        while done < count:
            # Little by little: the channel's thread, which fills the ring, can't run meanwhile.
            consumed = consume(ring.base, count - done, 0, state)
            if consumed < 0:
                raise MeasurementError(f"over TCP: the ring says {consumed}")
            started_s = started_s or time.perf_counter()
            done += consumed
            if not consumed:
                time.sleep(POLL_S)
        return [time.perf_counter() - started_s, int(state[0])]

    def send(ring: SharedRing) -> None:
        payload, done = payload_buffer(payload_size), 0
        while done < count:
            appended = produce(ring.base, done, count - done, ctypes.addressof(payload), payload_size, 0)
            if appended < 0:
                raise MeasurementError(f"over TCP: the ring says {appended}")
            done += appended
            ring.publish(done)
            time.sleep(POLL_S)

    elapsed_s, fold = _over_tcp(send, receive, cpus)
    return Rate(count / elapsed_s, int(fold))


def tcp_latencies_us(count: int, cpus: list[int]) -> list[float]:
    """From append to seen, by the clock that both processes have; one entry now and then."""

    def receive(ring: SharedRing) -> list[float]:
        found: list[float] = []
        while len(found) < count:
            entry = ring.peek()
            if entry is None:
                time.sleep(POLL_S / 10)
                continue
            found.append((time.monotonic_ns() - int.from_bytes(entry.payload, "little")) / 1e3)
            ring.pop()
        return found

    def send(ring: SharedRing) -> None:
        for number in range(count):
            time.sleep(LATENCY_EVERY_S)
            ring.append(INPUT, number, 0, time.monotonic_ns().to_bytes(_WORD_BYTES, "little"))
            ring.publish(number + 1)

    return _over_tcp(send, receive, cpus)


def _over_tcp(
    send: Callable[[SharedRing], None], receive: Callable[[SharedRing], list[float]], cpus: list[int]
) -> list[float]:
    """What `receive` returned in a process of its own."""
    secret = new_secret()
    reader, writer = os.pipe()
    with listen() as listener:
        pid = in_child(cpus[-1], lambda: _be_secondary(listener, secret, receive, writer))
        os.close(writer)
        lost: list[str] = []
        channel = TcpPrimaryChannel(listener.getsockname()[1], secret, 0, 0, lost.append)
        try:
            send(channel.ring)
            with os.fdopen(reader, "rb") as file:
                said = file.read()
        finally:
            channel.close()
        join(pid)
    found: list[float] = json.loads(said)
    return found


def _be_secondary(
    listener: socket.socket, secret: bytes, receive: Callable[[SharedRing], list[float]], writer: int
) -> bool:
    channel: Any = TcpSecondaryChannel(listener, secret, 0, 0)
    found = receive(channel.ring)
    os.write(writer, json.dumps(found).encode())
    os.close(writer)
    channel.close()
    return True
