"""Chains as drivers may build them, and as they may not: virtio 1.2, section 2.7."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from virtio_driver import (
    AVAILABLE_AT,
    INDIRECT,
    NEXT,
    RAM_BYTES,
    USED_AT,
    WRITE,
    Driver,
    serve,
    spinning_machine,
)

from lockstep.machine.devices.virtio import constants, registers
from lockstep.machine.machine import Machine
from lockstep.machine.memory_map import ENTROPY_SLOT, RAM_BASE


@pytest.fixture
def machine() -> Machine:
    return spinning_machine(clock="virtual")


@pytest.fixture
def driver(machine: Machine) -> Driver:
    """Of the generator of random bytes: it takes any chain that it may write to."""
    return Driver(machine, ENTROPY_SLOT)


def was_filled(driver: Driver, address: int, length: int) -> bool:
    return driver.peek(address, length) != b"\xee" * length


def test_a_chain_is_filled_from_end_to_end(driver: Driver) -> None:
    rooms = [driver.room(length) for length in (1, 64, 100, 3)]
    head = driver.add([(rooms[0], 1, True), (rooms[1], 64, True), (rooms[2], 100, True), (rooms[3], 3, True)])
    driver.notify()
    serve(driver.machine)
    assert driver.used() == [(head, 168)]
    assert was_filled(driver, rooms[2], 100)
    assert driver.peek(rooms[2] + 100, 4) == bytes(4), "nothing behind it was touched"


@pytest.mark.parametrize("direct", [0, 2])
def test_an_indirect_table_comes_last(driver: Driver, direct: int) -> None:
    room = driver.room(64)
    table = driver.room(32, driver.table([(room, 32, True), (room + 32, 32, True)]))
    raw = b"".join(driver.descriptor(driver.room(16), 16, WRITE | NEXT, index + 1) for index in range(direct))
    driver.poke(driver.queue_at(0), raw + driver.descriptor(table, 32, INDIRECT))
    driver.offer(0)
    driver.notify()
    serve(driver.machine)
    assert driver.used() == [(0, 64 + 16 * direct)]
    assert was_filled(driver, room + 32, 32)


def test_indices_wrap_around(driver: Driver) -> None:
    driver.size = 4
    driver.set_up()
    room = driver.room(16)
    for chains in (3, 4, 2) * 8000:
        heads = [driver.add([(room, 8, True)]) for _ in range(chains)]
        driver.notify()
        serve(driver.machine)
        assert [head for head, _ in driver.used()] == heads
    assert not driver.needs_reset


def test_no_interrupt_where_none_is_wanted(driver: Driver) -> None:
    available = driver.queue_at(0) + AVAILABLE_AT
    driver.poke(available, struct.pack("<H", 1))
    driver.add([(driver.room(8), 8, True)])
    driver.notify()
    serve(driver.machine)
    assert len(driver.used()) == 1
    assert driver.read(registers.INTERRUPT_STATUS) == 0


def test_empty_descriptors_are_passed_over(driver: Driver) -> None:
    room = driver.room(8)
    head = driver.add([(-5, 0, True), (room, 8, True), (2**64 - 1, 0, True)])
    driver.notify()
    serve(driver.machine)
    assert driver.used() == [(head, 8)]


def test_the_whole_table_may_be_one_chain(driver: Driver) -> None:
    room = driver.room(256)
    head = driver.add([(room + at, 1, True) for at in range(256)])
    driver.notify()
    serve(driver.machine)
    assert driver.used() == [(head, 256)]


END = RAM_BASE + RAM_BYTES


def chain(*descriptors: tuple[int, int, int, int]) -> Callable[[Driver], None]:
    def build(driver: Driver) -> None:
        driver.poke(driver.queue_at(0), b"".join(driver.descriptor(*each) for each in descriptors))
        driver.offer(0)

    return build


def indirect(*descriptors: tuple[int, int, int, int], length: int | None = None) -> Callable[[Driver], None]:
    def build(driver: Driver) -> None:
        raw = b"".join(driver.descriptor(*each) for each in descriptors)
        table = driver.room(len(raw), raw)
        driver.poke(
            driver.queue_at(0), driver.descriptor(table, len(raw) if length is None else length, INDIRECT)
        )
        driver.offer(0)

    return build


def head_outside(driver: Driver) -> None:
    driver.offer(256)


def index_jumps(driver: Driver) -> None:
    driver.poke(driver.queue_at(0) + AVAILABLE_AT + 2, struct.pack("<H", 257))


def index_goes_back(driver: Driver) -> None:
    driver.poke(driver.queue_at(0) + AVAILABLE_AT + 2, struct.pack("<H", 0xFFFF))


def endless_zero_chain(driver: Driver) -> None:
    driver.add([(RAM_BASE, 0, True)] * 255)
    driver.poke(driver.queue_at(0) + 16 * 254, driver.descriptor(RAM_BASE, 0, WRITE | NEXT, 0))


def place(descriptors: int, available: int, used: int, size: int = 256) -> Callable[[Driver], None]:
    def build(driver: Driver) -> None:
        driver.size = size
        driver.place(0, descriptors, available, used)

    return build


GOOD = RAM_BASE + 0x10_0000

VIOLATIONS = {
    "an address below RAM": chain((RAM_BASE - 1, 8, WRITE, 0)),
    "an address behind RAM": chain((END, 8, WRITE, 0)),
    "a device's address": chain((0x1000_0000, 8, WRITE, 0)),
    "an end behind RAM": chain((END - 7, 8, WRITE, 0)),
    "an end behind 2**64": chain((2**64 - 8, 16, WRITE, 0)),
    "an address with the sign bit": chain((2**63 + RAM_BASE, 8, WRITE, 0)),
    "the longest length": chain((RAM_BASE, 2**32 - 1, WRITE, 0)),
    "a loop": chain((RAM_BASE, 8, WRITE | NEXT, 0)),
    "a loop of nothing": endless_zero_chain,
    "a next outside": chain((RAM_BASE, 8, WRITE | NEXT, 256)),
    "a head outside": head_outside,
    "an index that jumps": index_jumps,
    "an index that goes back": index_goes_back,
    "read after write": chain((RAM_BASE, 8, WRITE | NEXT, 1), (RAM_BASE, 8, 0, 0)),
    "an indirect table that goes on": chain((RAM_BASE, 16, INDIRECT | NEXT, 1), (RAM_BASE, 8, WRITE, 0)),
    "an empty indirect table": indirect((RAM_BASE, 8, WRITE, 0), length=0),
    "a part of an indirect table": indirect((RAM_BASE, 8, WRITE, 0), length=15),
    "a long indirect table": indirect((RAM_BASE, 8, WRITE, 0), length=16 * 257),
    "an indirect table outside": chain((END - 8, 16, INDIRECT, 0)),
    "an indirect table in another": indirect((RAM_BASE, 16, INDIRECT, 0)),
    "a next outside of an indirect table": indirect((RAM_BASE, 8, WRITE | NEXT, 1)),
    "a loop in an indirect table": indirect((RAM_BASE, 8, WRITE | NEXT, 0)),
    "descriptors outside": place(END - 8, GOOD, GOOD + 0x1000),
    "descriptors partly outside": place(END - 16 * 255, GOOD, GOOD + 0x1000),
    "an available ring outside": place(GOOD, RAM_BASE - 2, GOOD + 0x1000),
    "a used ring outside": place(GOOD, GOOD + 0x1000, END - 64),
    "descriptors at 2**64": place(2**64 - 16, GOOD, GOOD + 0x1000),
    "unaligned descriptors": place(GOOD + 8, GOOD + 0x1000, GOOD + 0x2000),
    "an unaligned available ring": place(GOOD, GOOD + 0x1001, GOOD + 0x2000),
    "an unaligned used ring": place(GOOD, GOOD + 0x1000, GOOD + 0x2002),
    "an empty queue": place(GOOD, GOOD + 0x1000, GOOD + 0x2000, size=0),
    "an odd size": place(GOOD, GOOD + 0x1000, GOOD + 0x2000, size=3),
    "a large size": place(GOOD, GOOD + 0x1000, GOOD + 0x2000, size=512),
    "the largest size": place(GOOD, GOOD + 0x1000, GOOD + 0x2000, size=2**32 - 1),
    "something to read for the generator": chain((RAM_BASE, 8, 0, 0)),
}


@pytest.mark.parametrize("violation", VIOLATIONS.values(), ids=VIOLATIONS)
def test_a_driver_that_breaks_a_rule_must_reset_the_device(
    driver: Driver, violation: Callable[[Driver], None]
) -> None:
    violation(driver)
    before = driver.machine.wires.ram.tobytes()
    driver.notify()
    serve(driver.machine)
    assert driver.needs_reset
    assert driver.machine.wires.ram.tobytes() == before
    assert driver.read(registers.INTERRUPT_STATUS) == constants.CONFIG_CHANGE
    assert driver.read(registers.CONFIG_GENERATION) == 1
    # It does nothing more, until it is reset.
    driver.notify()
    serve(driver.machine)
    assert driver.machine.wires.ram.tobytes() == before
    driver.size = 256
    driver.set_up()
    head = driver.add([(driver.room(8), 8, True)])
    driver.notify()
    serve(driver.machine)
    assert driver.used() == [(head, 8)]


def test_indirect_tables_are_refused_where_they_were_not_agreed_on(driver: Driver) -> None:
    driver.set_up(without=constants.INDIRECT_DESCRIPTORS)
    driver.add([(driver.room(8), 8, True)], indirect=True)
    driver.notify()
    serve(driver.machine)
    assert driver.needs_reset


def test_a_chain_before_the_bad_one_is_served(driver: Driver) -> None:
    head = driver.add([(driver.room(8), 8, True)])
    driver.offer(300)
    driver.notify()
    serve(driver.machine)
    assert driver.used() == [(head, 8)]
    assert driver.needs_reset
    assert driver.read(registers.INTERRUPT_STATUS) == constants.CONFIG_CHANGE | constants.USED_BUFFER


def test_the_used_ring_is_all_that_is_written_beside_the_buffers(driver: Driver) -> None:
    room = driver.room(8)
    driver.add([(room, 8, True)])
    before = driver.machine.wires.ram.copy()
    driver.notify()
    serve(driver.machine)
    changed = (before != driver.machine.wires.ram).nonzero()[0] + RAM_BASE
    used = driver.queue_at(0) + USED_AT
    assert all(room <= at < room + 8 or used + 2 <= at < used + 12 for at in changed.tolist())
