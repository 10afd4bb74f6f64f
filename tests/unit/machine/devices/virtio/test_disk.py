"""Requests to a disk: virtio 1.2, section 5.2.6."""

from __future__ import annotations

import itertools
import os
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from virtio_disk import SECTOR, DiskDriver
from virtio_driver import AVAILABLE_AT, output_ring, serve, spinning_machine, take_disk, taken

from lockstep.log.shared import SharedRing
from lockstep.machine.devices.virtio import constants, registers
from lockstep.machine.devices.virtio.disk import (
    DISCARD_REQUEST,
    FLUSH_NS,
    FLUSH_REQUEST,
    GET_ID,
    IN,
    IO_ERROR,
    OK,
    OUT,
    REQUEST_BYTES_MAX,
    UNSUPPORTED,
    WRITE_ZEROES_REQUEST,
)
from lockstep.machine.devices.virtio.records import FLUSHES_MAX
from lockstep.machine.machine import Machine, Stop
from lockstep.machine.memory_map import RAM_BASE
from lockstep.machine.output import DISCARD, FLUSH, WRITE, ZERO
from lockstep.machine.virtio import FLUSHED, READ_FAILED, WRITES_FAILED

SECTORS = 8192
CONTENT = random.Random(5).randbytes(SECTORS * SECTOR)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def machine(path: Path) -> Machine:
    return spinning_machine(path)


@pytest.fixture
def disk(machine: Machine) -> DiskDriver:
    return DiskDriver(machine)


@pytest.fixture
def ring(machine: Machine) -> Iterator[SharedRing]:
    with output_ring(machine) as ring:
        yield ring
        machine.control["disk_ring"] = 0


def outputs(ring: SharedRing) -> list[tuple[int, int, bytes]]:
    """Operation, offset and payload of each output."""
    return [(entry.kind - 1, entry.pc, entry.payload) for entry in taken(ring)]


@pytest.mark.parametrize("indirect", [False, True])
@pytest.mark.parametrize("pieces", [1, 3, 100])
def test_what_is_written_is_read(disk: DiskDriver, ring: SharedRing, pieces: int, indirect: bool) -> None:
    data = random.Random(pieces).randbytes(7 * SECTOR)
    assert disk.do(OUT, 5, data, pieces=pieces, indirect=indirect) == (OK, b"")
    expected = CONTENT[: 5 * SECTOR] + data + CONTENT[12 * SECTOR :]
    length = 20 * SECTOR
    read = disk.do(IN, 0, read_bytes=length, pieces=pieces, indirect=indirect)
    assert read == (OK, expected[:length])
    made = outputs(ring)
    assert {operation for operation, _, _ in made} == {WRITE}
    assert b"".join(payload for _, _, payload in made) == data
    assert made[0][1] == 5 * SECTOR


def test_the_end_of_the_disk(disk: DiskDriver) -> None:
    assert disk.do(IN, SECTORS - 1, read_bytes=SECTOR) == (OK, CONTENT[-SECTOR:])
    assert disk.do(IN, SECTORS, read_bytes=0) == (OK, b"")
    for sector, count in ((SECTORS, 1), (SECTORS - 1, 2), (2**63, 1), (2**64 - 1, 1), (2**55, 1)):
        assert disk.do(IN, sector, read_bytes=count * SECTOR)[0] == IO_ERROR
        assert disk.do(OUT, sector, bytes(count * SECTOR))[0] == IO_ERROR
    assert disk.do(IN, 0, read_bytes=SECTOR + 1)[0] == IO_ERROR
    assert disk.do(OUT, 0, bytes(SECTOR - 1))[0] == IO_ERROR
    assert disk.machine.board["disk_outputs"] == 0


def test_requests_have_a_longest_length(disk: DiskDriver, ring: SharedRing) -> None:
    data = random.Random(1).randbytes(REQUEST_BYTES_MAX)
    assert disk.do(OUT, 0, data + bytes(SECTOR))[0] == IO_ERROR
    disk.forget_buffers()
    assert disk.do(OUT, 0, data) == (OK, b"")
    made = outputs(ring)
    assert b"".join(payload for _, _, payload in made) == data
    assert max(len(payload) for _, _, payload in made) == 64 << 10
    disk.forget_buffers()
    assert disk.do(IN, 0, read_bytes=REQUEST_BYTES_MAX) == (OK, data)


def test_a_read_only_disk(path: Path) -> None:
    disk = DiskDriver(spinning_machine(path, read_only=True))
    assert disk.do(OUT, 0, bytes(SECTOR))[0] == IO_ERROR
    assert disk.do(WRITE_ZEROES_REQUEST, 0, struct.pack("<QII", 0, 1, 0))[0] == IO_ERROR
    assert disk.do(FLUSH_REQUEST)[0] == OK
    assert disk.do(IN, 0, read_bytes=SECTOR) == (OK, CONTENT[:SECTOR])


@pytest.mark.parametrize(
    ("kind", "flags", "operation"),
    [(DISCARD_REQUEST, 0, DISCARD), (WRITE_ZEROES_REQUEST, 0, ZERO), (WRITE_ZEROES_REQUEST, 1, DISCARD)],
)
def test_ranges_of_zeros(disk: DiskDriver, ring: SharedRing, kind: int, flags: int, operation: int) -> None:
    assert disk.do(kind, 0, struct.pack("<QII", 3, 30, flags)) == (OK, b"")
    assert outputs(ring) == [(operation, 3 * SECTOR, struct.pack("<q", 30 * SECTOR))]
    expected = CONTENT[: 3 * SECTOR] + bytes(30 * SECTOR) + CONTENT[33 * SECTOR : 40 * SECTOR]
    assert disk.do(IN, 0, read_bytes=40 * SECTOR) == (OK, expected)


def test_ranges_that_make_no_sense(disk: DiskDriver) -> None:
    for sector, count, flags, expected in (
        (SECTORS, 1, 0, IO_ERROR),
        (0, SECTORS + 1, 0, IO_ERROR),
        (2**64 - 1, 2, 0, IO_ERROR),
        (0, 2**32 - 1, 0, IO_ERROR),
        (0, 1, 2, UNSUPPORTED),
        (0, 0, 0, OK),
    ):
        data = struct.pack("<QII", sector, count, flags)
        assert disk.do(WRITE_ZEROES_REQUEST, 0, data)[0] == expected, (sector, count, flags)
    assert disk.do(DISCARD_REQUEST, 0, struct.pack("<QII", 0, 1, 1))[0] == UNSUPPORTED
    assert disk.do(DISCARD_REQUEST, 0, bytes(15))[0] == IO_ERROR
    assert disk.do(DISCARD_REQUEST, 0, bytes(32))[0] == IO_ERROR
    assert disk.machine.board["disk_outputs"] == 0


def test_the_disk_has_a_name(disk: DiskDriver) -> None:
    assert disk.do(GET_ID, read_bytes=20) == (OK, b"lockstep-disk0".ljust(20, b"\0"))
    assert disk.do(GET_ID, read_bytes=4) == (OK, b"lock")


def test_what_nobody_knows_is_unsupported(disk: DiskDriver) -> None:
    for kind in (2, 3, 7, 0x8000_0001):
        assert disk.do(kind, read_bytes=SECTOR)[0] == UNSUPPORTED


@pytest.mark.parametrize("pieces", [(3, 13), (16,), (1,) * 16, (16, 700)])
def test_a_driver_may_cut_the_header_anywhere(disk: DiskDriver, pieces: tuple[int, ...]) -> None:
    data = random.Random(3).randbytes(2 * SECTOR)
    raw = struct.pack("<IIQ", OUT, 0, 9) + data
    at = disk.room(len(raw), raw)
    edges = [sum(pieces[:index]) for index in range(len(pieces) + 1)] + [len(raw)]
    segments = [(at + first, end - first, False) for first, end in itertools.pairwise(edges)]
    status = disk.room(1)
    head = disk.add([*segments, (status, 1, True)])
    disk.notify()
    serve(disk.machine)
    assert disk.used() == [(head, 1)]
    assert disk.do(IN, 9, read_bytes=len(data)) == (OK, data)


@pytest.mark.parametrize("segments", [[(16, False)], [(15, False), (1, True)], [(1, True)]])
def test_a_request_without_header_or_status_breaks_the_device(
    disk: DiskDriver, segments: list[tuple[int, bool]]
) -> None:
    disk.add([(disk.room(length), length, writable) for length, writable in segments])
    disk.notify()
    serve(disk.machine)
    assert disk.needs_reset


def test_data_may_not_overwrite_what_says_where_it_goes(disk: DiskDriver) -> None:
    header = disk.room(16, struct.pack("<IIQ", IN, 0, 0))
    ring = disk.queue_at(0) + AVAILABLE_AT
    disk.add([(header, 16, False), (ring & -512, 512, True), (disk.room(1), 1, True)])
    disk.notify()
    serve(disk.machine)
    assert disk.needs_reset


def test_a_flush_waits_for_what_was_written_before(disk: DiskDriver, ring: SharedRing) -> None:
    disk.do(OUT, 0, bytes(SECTOR))
    flush, other = disk.submit(FLUSH_REQUEST), disk.submit(IN, 0, read_bytes=SECTOR)
    disk.notify()
    serve(disk.machine)
    assert [head for head, _ in disk.used()] == [other.head], "other requests overtake it"
    assert [operation for operation, _, _ in outputs(ring)] == [WRITE, FLUSH]
    take_disk(disk.machine, 0, FLUSHED, 0)
    assert disk.used() == [], "that wasn't its number yet"
    take_disk(disk.machine, 0, FLUSHED, 1)
    assert disk.used() == [(flush.head, 1)]
    assert disk.result(flush)[0] == OK
    assert disk.read(registers.INTERRUPT_STATUS) == constants.USED_BUFFER


def test_without_flushes_a_write_is_durable_when_it_is_done(machine: Machine, ring: SharedRing) -> None:
    disk = DiskDriver(machine, without=constants.DISK_FLUSH)
    write = disk.submit(OUT, 0, bytes(SECTOR))
    disk.notify()
    serve(machine)
    assert disk.used() == []
    assert [operation for operation, _, _ in outputs(ring)] == [WRITE, FLUSH]
    take_disk(machine, 0, FLUSHED, 1)
    assert disk.used() == [(write.head, 1)]
    assert disk.result(write)[0] == OK


def test_many_flushes_wait_and_then_the_queue_does(disk: DiskDriver) -> None:
    flushes = [disk.submit(FLUSH_REQUEST) for _ in range(FLUSHES_MAX + 3)]
    disk.notify()
    serve(disk.machine)
    assert disk.machine.board["disk_outputs"] == FLUSHES_MAX
    assert disk.machine.board["virtio_notified"] == 0
    take_disk(disk.machine, 0, FLUSHED, 1)
    assert [head for head, _ in disk.used()] == [flush.head for flush in flushes[:2]]
    serve(disk.machine)
    assert disk.machine.board["disk_outputs"] == FLUSHES_MAX + 2
    take_disk(disk.machine, 0, FLUSHED, FLUSHES_MAX + 2)
    serve(disk.machine)
    take_disk(disk.machine, 0, FLUSHED, FLUSHES_MAX + 2)
    assert [head for head, _ in disk.used()] == [flush.head for flush in flushes[2:]]


def test_a_reset_forgets_waiting_flushes(disk: DiskDriver) -> None:
    disk.submit(FLUSH_REQUEST)
    disk.notify()
    serve(disk.machine)
    disk.set_up()
    before = disk.machine.wires.ram.tobytes()
    take_disk(disk.machine, 0, FLUSHED, 0)
    assert disk.machine.wires.ram.tobytes() == before


def test_a_queue_that_moves_away_under_a_flush(disk: DiskDriver) -> None:
    disk.submit(FLUSH_REQUEST)
    disk.notify()
    serve(disk.machine)
    disk.place(0, RAM_BASE - 16, RAM_BASE, RAM_BASE)
    before = disk.machine.wires.ram.tobytes()
    take_disk(disk.machine, 0, FLUSHED, 0)
    assert disk.needs_reset
    assert disk.machine.wires.ram.tobytes() == before


def test_under_the_virtual_clock_a_flush_takes_its_time(path: Path) -> None:
    disk = DiskDriver(spinning_machine(path, clock="virtual"))
    flush = disk.submit(FLUSH_REQUEST)
    disk.notify()
    start = disk.machine.guest_ns
    serve(disk.machine, FLUSH_NS - 2)
    assert disk.used() == []
    serve(disk.machine, 10)
    assert disk.used() == [(flush.head, 1)]
    assert disk.machine.guest_ns - start < FLUSH_NS + 20


def test_after_a_write_failed_the_disk_is_read_only_for_good(disk: DiskDriver) -> None:
    flush = disk.submit(FLUSH_REQUEST)
    disk.notify()
    serve(disk.machine)
    take_disk(disk.machine, 0, WRITES_FAILED, 1)
    assert disk.used() == [(flush.head, 1)]
    assert disk.result(flush)[0] == IO_ERROR
    assert disk.do(OUT, 0, bytes(SECTOR))[0] == IO_ERROR
    assert disk.do(FLUSH_REQUEST)[0] == IO_ERROR
    assert disk.do(IN, 0, read_bytes=SECTOR) == (OK, CONTENT[:SECTOR])


def break_file(path: Path) -> None:
    """From now on the file can't be read from its fifth block on."""
    os.truncate(path, 4 * 4096)


@pytest.mark.parametrize("kind", [IN, OUT, WRITE_ZEROES_REQUEST])
def test_what_one_host_cant_read_neither_can(tmp_path: Path, kind: int) -> None:
    """A host that can't read says so; then the request fails on all, in the same way."""
    ends = []
    for is_broken in (True, False):
        path = tmp_path / f"disk{is_broken}"
        path.write_bytes(CONTENT)
        disk = DiskDriver(spinning_machine(path))
        machine = disk.machine
        assert disk.do(OUT, 100, bytes(8 * SECTOR)) == (OK, b"")
        if is_broken:
            break_file(path)
        first = 4 * 8 - 5 if kind == IN else 4 * 8 + 5
        data = b"" if kind == IN else bytes(9 * SECTOR)
        if kind == WRITE_ZEROES_REQUEST:
            data = struct.pack("<QII", first, 9, 0)
        request = disk.submit(kind, first, data, read_bytes=9 * SECTOR if kind == IN else 0, pieces=3)
        if is_broken:
            disk.notify()
            outputs_before = int(machine.board["disk_outputs"])
            number = int(machine.board["disks"][0]["requests"])
            for _ in range(3):
                assert machine.run(limit=machine.position + 1) == Stop.UNREADABLE
                assert machine.control["unreadable"] == 1
            assert disk.used() == []
            assert machine.board["disk_outputs"] == outputs_before
            take_disk(machine, 0, READ_FAILED, number)
        else:
            # The other host has not come to serving it where it takes the entry.
            take_disk(machine, 0, READ_FAILED, int(machine.board["disks"][0]["requests"]))
            disk.notify()
        assert serve(machine) == Stop.REACHED
        assert [head for head, _ in disk.used()] == [request.head]
        assert disk.result(request) == (IO_ERROR, bytes(9 * SECTOR) if kind == IN else b"")
        ends.append((machine.wires.ram.tobytes(), machine.board["disks"].tobytes()))
        # What was written before is still there, and the next request is a request like any other.
        assert disk.do(IN, 100, read_bytes=8 * SECTOR) == (OK, bytes(8 * SECTOR))
    assert ends[0] == ends[1]


def test_writes_that_need_nothing_read_work_on_an_unreadable_file(path: Path) -> None:
    disk = DiskDriver(spinning_machine(path))
    break_file(path)
    data = random.Random(2).randbytes(16 * SECTOR)
    assert disk.do(OUT, 5 * 8, data, pieces=2) == (OK, b"")
    assert disk.do(IN, 5 * 8, read_bytes=len(data)) == (OK, data)


def test_what_was_written_shows_in_the_digest(path: Path) -> None:
    """Two machines whose RAM is equal again, but that wrote something else, differ."""
    digests = []
    for data, sector in ((b"a", 0), (b"b", 0), (b"a", 1)):
        disk = DiskDriver(spinning_machine(path))
        request = disk.submit(OUT, sector, data * SECTOR)
        disk.notify()
        serve(disk.machine)
        disk.poke(request.data_at - 4096, bytes(8192))
        digests.append(disk.machine.digest())
    assert len(set(digests)) == 3


def test_what_is_served_at_a_position_has_a_limit(disk: DiskDriver) -> None:
    requests = []
    for _ in range(30):
        disk.forget_buffers()
        requests.append(disk.submit(OUT, 0, bytes(128 << 10)))
    disk.notify()
    heads: list[int] = []
    for _ in range(5):
        before = disk.machine.position
        serve(disk.machine)
        assert disk.machine.position == before + 1
        heads += [head for head, _ in disk.used()]
        if len(heads) < 30:
            assert len(heads) % 8 == 0
            assert disk.machine.board["virtio_notified"] == 1
    assert heads == [request.head for request in requests]


def test_how_often_a_host_looks_changes_nothing(path: Path) -> None:
    ends = []
    for looks in (1, 4):
        disk = DiskDriver(spinning_machine(path))
        for _ in range(30):
            disk.forget_buffers()
            disk.submit(OUT, 0, bytes(128 << 10))
        disk.notify()
        for _ in range(looks):
            assert disk.machine.run(limit=disk.machine.position) == Stop.REACHED
        ends.append(disk.machine.digest())
        assert len(disk.used()) == 8
    assert ends[0] == ends[1]
