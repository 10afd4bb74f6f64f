"""Frames out and in: virtio 1.2, section 5.1.6."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest
from virtio_driver import Driver, output_ring, serve, spinning_machine, take_frame, taken

from lockstep.log.shared import SharedRing
from lockstep.machine.devices.virtio import constants
from lockstep.machine.devices.virtio.network import FRAME_BYTES_MAX, HEADER_BYTES, RECEIVE, TRANSMIT
from lockstep.machine.machine import Machine
from lockstep.machine.memory_map import NETWORK_SLOT

HEADER = bytes(HEADER_BYTES)


@pytest.fixture
def machine() -> Machine:
    return spinning_machine(network=True)


@pytest.fixture
def network(machine: Machine) -> Driver:
    return Driver(machine, NETWORK_SLOT, queues=2)


@pytest.fixture
def ring(machine: Machine) -> Iterator[SharedRing]:
    with output_ring(machine, "frame_ring") as ring:
        yield ring
        machine.control["frame_ring"] = 0


def send(network: Driver, frame: bytes, cuts: tuple[int, ...] = ()) -> int:
    raw = HEADER + frame
    at = network.room(len(raw), raw)
    edges = [0, *cuts, len(raw)]
    return network.add(
        [(at + first, end - first, False) for first, end in itertools.pairwise(edges)], TRANSMIT
    )


@pytest.mark.parametrize("cuts", [(), (12,), (5, 20), (12, 13, 14, 70), (30,)])
def test_frames_leave_as_they_are(network: Driver, ring: SharedRing, cuts: tuple[int, ...]) -> None:
    frames = [random.Random(length).randbytes(length) for length in (80, 1514, FRAME_BYTES_MAX)]
    heads = [send(network, frame, cuts) for frame in frames]
    network.notify(TRANSMIT)
    serve(network.machine)
    assert network.used(TRANSMIT) == [(head, 0) for head in heads]
    assert [entry.payload for entry in taken(ring)] == frames
    assert network.machine.board["frame_outputs"] == 3


def test_what_is_no_frame_is_dropped(network: Driver, ring: SharedRing) -> None:
    heads = [send(network, bytes(length)) for length in (13, FRAME_BYTES_MAX + 1, 0)]
    short = network.add([(network.room(5), 5, False)], TRANSMIT)
    network.notify(TRANSMIT)
    serve(network.machine)
    assert network.used(TRANSMIT) == [(head, 0) for head in (*heads, short)]
    assert taken(ring) == []
    assert not network.needs_reset


def test_a_frame_to_be_written_breaks_the_device(network: Driver) -> None:
    network.add([(network.room(100), 100, True)], TRANSMIT)
    network.notify(TRANSMIT)
    serve(network.machine)
    assert network.needs_reset


def test_frames_out_have_a_budget(network: Driver, ring: SharedRing) -> None:
    for index in range(40):
        network.forget_buffers()
        send(network, bytes([index]) * FRAME_BYTES_MAX)
    network.notify(TRANSMIT)
    counts = []
    for _ in range(4):
        serve(network.machine)
        counts.append(len(network.used(TRANSMIT)))
    assert counts == [16, 16, 8, 0]
    assert len(taken(ring)) == 40


def received(network: Driver, rooms: list[tuple[int, int]], used: list[tuple[int, int]]) -> bytes:
    return b"".join(network.peek(at, length) for (at, _), (_, length) in zip(rooms, used, strict=True))


@pytest.mark.parametrize("lengths", [(1600,), (100, 200, 3000), (12, 1600), (13, 1, 1600)])
def test_a_frame_arrives_in_one_or_more_buffers(network: Driver, lengths: tuple[int, ...]) -> None:
    frame = random.Random(4).randbytes(1500)
    rooms = [(network.room(length), length) for length in lengths]
    heads = [network.add([(at, length, True)], RECEIVE) for at, length in rooms]
    take_frame(network.machine, frame)
    used = network.used(RECEIVE)
    assert [head for head, _ in used] == heads[: len(used)]
    data = received(network, rooms[: len(used)], used)
    assert data[HEADER_BYTES:] == frame
    assert data[:HEADER_BYTES] == bytes(10) + len(used).to_bytes(2, "little")
    assert network.machine.board["network"]["frames_in"] == 1


def test_without_merging_one_buffer_holds_it(machine: Machine) -> None:
    network = Driver(machine, NETWORK_SLOT, queues=2, without=constants.NETWORK_MERGEABLE_BUFFERS)
    frame = bytes(range(100))
    small, large = network.room(100), network.room(200)
    network.add([(small, 100, True)], RECEIVE)
    take_frame(machine, frame)
    assert network.used(RECEIVE) == [], "it is dropped"
    network.set_up(without=constants.NETWORK_MERGEABLE_BUFFERS)
    head = network.add([(large, 50, True), (large + 50, 150, True)], RECEIVE)
    take_frame(machine, frame)
    assert network.used(RECEIVE) == [(head, 112)]
    assert network.peek(large, 112) == bytes(10) + b"\1\0" + frame


def test_without_room_or_driver_a_frame_is_lost(machine: Machine) -> None:
    before = machine.digest()
    take_frame(machine, bytes(60))
    assert machine.digest() == before
    network = Driver(machine, NETWORK_SLOT, queues=2)
    room = network.room(71)
    network.add([(room, 71, True)], RECEIVE)
    take_frame(machine, bytes(60))
    assert network.used(RECEIVE) == []
    assert network.peek(room, 71) == b"\xee" * 71
    network.add([(network.room(1), 1, True)], RECEIVE)
    take_frame(machine, bytes(60))
    assert len(network.used(RECEIVE)) == 2, "the next finds room"


@pytest.mark.parametrize("writable", [False, True])
def test_buffers_that_make_no_sense_break_the_device(network: Driver, writable: bool) -> None:
    length = 4 if writable else 2000
    network.add([(network.room(length), length, writable)], RECEIVE)
    take_frame(network.machine, bytes(60))
    assert network.needs_reset


def test_a_frame_that_writes_over_its_descriptors(network: Driver) -> None:
    network.add([(network.queue_at(RECEIVE), 24, True)], RECEIVE)
    network.add([(network.room(2000), 2000, True)], RECEIVE)
    take_frame(network.machine, b"\xff" * 60)
    assert network.needs_reset
