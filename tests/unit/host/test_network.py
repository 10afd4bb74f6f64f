"""The thread that moves frames, with a socket in passt's place: which frames leave, which come, and what waits."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import ClassVar

import pytest
from network_hosts import LIMIT_S, NetworkHost

from lockstep.host import network as network_module
from lockstep.host.ethernet import FRAME_BYTES_MAX
from lockstep.host.network import Network
from lockstep.host.options import Forward
from lockstep.host.passt import LENGTH


class FakePasst:
    """The far end of the socket is the test's."""

    started: ClassVar[list[FakePasst]] = []

    def __init__(self) -> None:
        self.wire, self.far = socket.socketpair()
        self.wire.setblocking(False)
        self.far.settimeout(LIMIT_S)
        FakePasst.started.append(self)

    @classmethod
    def start(cls, forwards: tuple[Forward, ...], limit_s: float = 0.0) -> FakePasst:
        return cls()

    def last_words(self) -> str:
        return "no more"

    def stop(self) -> None:
        self.wire.close()

    def receive(self) -> bytes:
        """The next frame."""
        (length,) = LENGTH.unpack(self._bytes(LENGTH.size))
        return self._bytes(length)

    def _bytes(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.far.recv(count - len(data))
            assert part, "the socket is closed"
            data += part
        return data

    def send(self, *frames: bytes) -> None:
        self.far.sendall(b"".join(LENGTH.pack(len(frame)) + frame for frame in frames))


def numbered(number: int, length: int = 60) -> bytes:
    return number.to_bytes(8, "big").ljust(length, b".")


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> Iterator[Network]:
    FakePasst.started.clear()
    monkeypatch.setattr(network_module, "Passt", FakePasst)
    network = Network(say=said.append)
    network.start()
    yield network
    network.close()
    for fake in FakePasst.started:
        fake.far.close()
    assert network.failure is None


@pytest.fixture
def passt(network: Network) -> FakePasst:
    return FakePasst.started[0]


@pytest.fixture
def hosts(network: Network) -> Iterator[tuple[NetworkHost, NetworkHost]]:
    """A primary and a secondary."""
    pair = NetworkHost(1, network), NetworkHost(2, network)
    network.begin(1, 2)
    yield pair
    for host in pair:
        host.close()


Pair = tuple[NetworkHost, NetworkHost]


def test_frames_leave_in_order_and_only_when_released(hosts: Pair, passt: FakePasst) -> None:
    primary, _ = hosts
    lengths = (14, 15, 60, 1514, FRAME_BYTES_MAX)
    for number, length in enumerate(lengths):
        primary.make(numbered(number, length))
    primary.make(numbered(98), released=False)
    assert [passt.receive() for _ in lengths] == [numbered(*one) for one in enumerate(lengths)]
    primary.make(numbered(99), released=False)
    passt.far.setblocking(False)
    with pytest.raises(BlockingIOError):
        passt.far.recv(1)
    passt.far.settimeout(LIMIT_S)
    primary.release()
    assert [passt.receive(), passt.receive()] == [numbered(98), numbered(99)]


def test_what_is_no_frame_is_dropped(hosts: Pair, passt: FakePasst) -> None:
    primary, _ = hosts
    for bad in (b"", b"." * 13, b"." * (FRAME_BYTES_MAX + 1)):
        primary.make(bad)
    primary.make(numbered(1))
    assert passt.receive() == numbered(1)


def test_a_survivor_repeats_nothing_and_leaves_nothing_out(
    hosts: Pair, passt: FakePasst, network: Network
) -> None:
    primary, secondary = hosts
    for number in range(10):
        secondary.make(numbered(number), released=False)
    for number in range(6):
        primary.make(numbered(number))
    assert [passt.receive() for _ in range(6)] == [numbered(number) for number in range(6)]
    network.fence(2, 2)
    primary.make(b"a zombie's frame....")
    secondary.release()
    assert [passt.receive() for _ in range(4)] == [numbered(number) for number in range(6, 10)]


def test_a_survivor_that_lags_makes_what_has_left_in_silence(
    hosts: Pair, passt: FakePasst, network: Network
) -> None:
    primary, secondary = hosts
    for number in range(3):
        primary.make(numbered(number))
    assert [passt.receive() for _ in range(3)] == [numbered(number) for number in range(3)]
    network.fence(2, 2)
    for number in range(5):
        secondary.make(numbered(number))
    assert [passt.receive(), passt.receive()] == [numbered(3), numbered(4)]


def test_a_clone_counts_on(hosts: Pair, passt: FakePasst, network: Network) -> None:
    primary, secondary = hosts
    secondary.close()
    for number in range(3):
        primary.make(numbered(number))
    assert [passt.receive() for _ in range(3)] == [numbered(number) for number in range(3)]
    clone = NetworkHost(3, network, begins_at=None)
    network.follow(3)
    network.fence(2, 3)
    clone.frames.ring.append(1, 0, 0, numbered(2))
    clone.frames.begin(2, [])
    clone.make(numbered(3))
    assert passt.receive() == numbered(3)
    clone.close()


def test_what_has_left_makes_room_in_the_secondary(hosts: Pair, passt: FakePasst) -> None:
    """Twenty times what its ring holds, the primary always first."""
    primary, secondary = hosts
    reader = threading.Thread(target=lambda: [passt.receive() for _ in range(2000)])
    reader.start()
    deadline_s = time.monotonic() + LIMIT_S
    for number in range(2000):
        for host in (primary, secondary):
            while not host.make(numbered(number, 10_000)):
                assert time.monotonic() < deadline_s, f"host {host.number} finds no room for frame {number}"
                host.woken.wait(0.001)
    reader.join(LIMIT_S)
    assert not reader.is_alive()


def test_a_passt_that_takes_nothing_holds_up_the_machine_for_a_moment_only(
    hosts: Pair, network: Network, passt: FakePasst, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_module, "STUCK_S", 0.05)
    primary, _ = hosts
    deadline_s = time.monotonic() + LIMIT_S
    for number in range(300):
        while not primary.make(numbered(number, 60_000)):
            assert time.monotonic() < deadline_s, "the machine waits for ever"
            primary.woken.wait(0.001)
    assert network.lost_bytes > 0
    first = passt.receive()
    assert first == numbered(0, 60_000), "what was begun comes to its end"
    received = [first]
    while received[-1] != numbered(1000):
        if network.lost_bytes:
            primary.make(numbered(1000))
        received.append(passt.receive())
    found = [int.from_bytes(frame[:8], "big") for frame in received]
    assert found == sorted(found)


def test_frames_come_in_whole_and_wait_for_room(hosts: Pair, passt: FakePasst) -> None:
    primary, secondary = hosts
    frames = [numbered(number, 14 + number * 7) for number in range(5000)]
    writer = threading.Thread(target=lambda: [passt.send(frame) for frame in frames])
    writer.start()
    primary.woken.wait(LIMIT_S)
    for frame in frames:
        assert primary.wait_for_frame() == frame
    writer.join(LIMIT_S)
    assert secondary.take() is None


def test_a_frame_in_two_parts_is_one(hosts: Pair, passt: FakePasst) -> None:
    primary, _ = hosts
    data = LENGTH.pack(60) + numbered(1)
    passt.far.sendall(data[:2])
    passt.far.sendall(data[2:30])
    passt.far.sendall(data[30:])
    assert primary.wait_for_frame() == numbered(1)


def test_frames_that_nobody_took_go_to_the_survivor_first(
    hosts: Pair, passt: FakePasst, network: Network
) -> None:
    primary, secondary = hosts
    passt.send(*map(numbered, range(4)))
    assert [primary.wait_for_frame() for _ in range(2)] == [numbered(0), numbered(1)]
    network.fence(2, 2)
    passt.send(numbered(4))
    assert [secondary.wait_for_frame() for _ in range(3)] == [numbered(number) for number in (2, 3, 4)]


@pytest.mark.parametrize("trouble", ["closed", "nonsense"])
def test_another_passt_takes_over(
    hosts: Pair, passt: FakePasst, network: Network, said: list[str], trouble: str
) -> None:
    primary, _ = hosts
    passt.far.sendall(b"\xff" * 4) if trouble == "nonsense" else passt.far.close()
    deadline_s = time.monotonic() + LIMIT_S
    while len(FakePasst.started) == 1:
        assert time.monotonic() < deadline_s, "it isn't started again"
        time.sleep(0.001)
    FakePasst.started[1].send(numbered(1))
    assert primary.wait_for_frame() == numbered(1)
    primary.make(numbered(2))
    assert FakePasst.started[1].receive() == numbered(2)
    assert said == ["passt ended (no more): the guest's connections to the outside are lost"]


def test_what_may_leave_leaves_at_the_end(network: Network, passt: FakePasst) -> None:
    host = NetworkHost(1, network)
    network.begin(1)
    for number in range(100):
        host.make(numbered(number))
    network.close()
    assert [passt.receive() for _ in range(100)] == [numbered(number) for number in range(100)]
    host.frames.close()
    host.inbound.close()
