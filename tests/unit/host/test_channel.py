"""Both ends of a TCP channel in one process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from lockstep.host.channel import LOOPBACK, TcpPrimaryChannel, TcpSecondaryChannel, listen
from lockstep.host.frames import ChannelError, frame, prove
from lockstep.log.entry import CLOCK, INPUT, Entry

SECRET = b"s" * 32
GENERATION, SECONDARY = 3, 7


def soon(what: Callable[[], object], limit_s: float = 20) -> None:
    """Until `what` is true."""
    end_s = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end_s, "it never came"
        time.sleep(0.001)


class Ends:
    """A channel; `lost` is what the primary's end said on losing the other."""

    def __init__(self) -> None:
        listener = listen()
        self.lost: list[str] = []
        self.port = listener.getsockname()[1]
        self.secondary = TcpSecondaryChannel(listener, SECRET, GENERATION, SECONDARY)
        self.primary = TcpPrimaryChannel(self.port, SECRET, GENERATION, SECONDARY, self.lost.append)

    def take(self) -> Entry:
        """The next entry on the secondary."""
        ring = self.secondary.ring
        soon(lambda: ring.peek() is not None)
        entry = ring.peek()
        assert entry is not None
        ring.pop()
        return entry


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.primary.close()
    ends.secondary.close()


def test_entries_and_horizon_arrive_in_order_and_the_horizon_never_first(ends: Ends) -> None:
    """Rule 1, with a consumer that is slower than the producer: what the horizon covers is there."""
    count, ring = 5000, ends.primary.ring

    def produce() -> None:
        for number in range(count):
            while ring.append(INPUT if number % 3 else CLOCK, 10 * number, number, b"%d" % number) is None:
                time.sleep(0.0005)
            if number % 7 == 0:
                ring.publish(10 * number + 1)
        ring.publish(10 * count)

    producer = threading.Thread(target=produce)
    producer.start()
    consumed = 0
    while consumed < count:
        horizon = ends.secondary.ring.horizon()
        entry = ends.secondary.ring.peek()
        if entry is None:
            assert horizon <= 10 * consumed, f"horizon {horizon}, but entry {consumed} is missing"
            continue
        assert (entry.position, entry.pc, entry.payload) == (10 * consumed, consumed, b"%d" % consumed)
        ends.secondary.ring.pop()
        consumed += 1
    producer.join()
    soon(lambda: ends.primary.held() == 10 * count)


def test_a_full_ring_on_the_other_side_holds_everything_up_and_loses_nothing(ends: Ends) -> None:
    payload, appended = bytes(100_000), 0
    end_s = time.monotonic() + 1
    while time.monotonic() < end_s:
        if ends.primary.ring.append(INPUT, appended, 0, payload + b"%d" % appended) is None:
            time.sleep(0.001)
        else:
            appended += 1
            ends.primary.ring.publish(appended)
    assert appended < 1000
    assert ends.primary.held() < appended
    for number in range(appended):
        assert ends.take().payload == payload + b"%d" % number
    soon(lambda: ends.primary.held() == appended)
    assert ends.lost == []


def test_nothing_is_acknowledged_after_the_cut(ends: Ends) -> None:
    ends.primary.ring.append(INPUT, 5, 0, b"before")
    ends.primary.ring.publish(6)
    soon(lambda: ends.primary.held() == 6)
    ends.secondary.cut()
    ends.primary.ring.append(INPUT, 7, 0, b"after")
    ends.primary.ring.publish(8)
    soon(lambda: ends.lost)
    assert ends.primary.held() == 6
    assert ends.take().payload == b"before"
    assert ends.secondary.ring.peek() is None
    assert ends.secondary.held() == 6


def test_a_lost_secondary_is_told_once(ends: Ends) -> None:
    ends.secondary.close()
    soon(lambda: ends.lost)
    for thread in ends.primary._threads:
        thread.join()
    assert len(ends.lost) == 1


def test_closing_is_no_loss(ends: Ends) -> None:
    ends.primary.close()
    assert ends.lost == []


def test_how_far_the_secondary_ran_comes_back(ends: Ends) -> None:
    ends.primary.ring.publish(100)
    soon(lambda: ends.secondary.held() == 100)
    ends.secondary.ring.acknowledge(60)
    soon(lambda: ends.primary.ring.acknowledged() == 60)


def test_garbage_ends_the_connection_for_both(ends: Ends) -> None:
    """A secondary that stays connected but takes nothing would hold its primary's output up for ever."""
    damaged = bytearray(frame(b"12345678"))
    damaged[-1] ^= 1
    ends.primary._connection.sendall(damaged)
    soon(lambda: ends.lost)
    assert isinstance(ends.secondary.failure, ChannelError)


def test_strangers_are_turned_away_and_the_primary_still_gets_in() -> None:
    listener = listen()
    port = listener.getsockname()[1]
    secondary = TcpSecondaryChannel(listener, SECRET, GENERATION, SECONDARY)
    with socket.create_connection((LOOPBACK, port)) as stranger, pytest.raises(ChannelError):
        prove(stranger, b"t" * 32, b"primary", b"secondary")
    primary = TcpPrimaryChannel(port, SECRET, GENERATION, SECONDARY, lambda text: None)
    primary.ring.publish(9)
    soon(lambda: primary.held() == 9)
    primary.close()
    secondary.close()


def test_a_secondary_that_nobody_came_to_closes() -> None:
    TcpSecondaryChannel(listen(), SECRET, GENERATION, SECONDARY).close()
