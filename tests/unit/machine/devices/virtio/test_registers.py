"""Slots as a driver meets them: virtio 1.2, section 4.2.2 and 3.1."""

from __future__ import annotations

from pathlib import Path

import pytest
from virtio_driver import Driver, Slot, serve, spinning_machine

from lockstep.machine.devices.virtio import constants, registers
from lockstep.machine.devices.virtio.constants import ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK
from lockstep.machine.memory_map import ENTROPY_SLOT, NETWORK_SLOT, VIRTIO_IRQ, VIRTIO_SLOTS


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    path.write_bytes(bytes(1 << 20))
    return path


def test_every_slot_says_what_is_in_it(disk: Path) -> None:
    machine = spinning_machine(disk, network=True)
    slots = [Slot(machine, slot) for slot in range(VIRTIO_SLOTS)]
    assert {slot.read(registers.MAGIC) for slot in slots} == {int.from_bytes(b"virt", "little")}
    assert {slot.read(registers.VERSION) for slot in slots} == {2}
    assert [slot.read(registers.DEVICE_ID) for slot in slots] == [2, 0, 0, 0, 0, 0, 1, 4]
    assert slots[1].read(registers.VENDOR_ID) == 0
    assert slots[0].read(registers.VENDOR_ID) != 0


def test_without_disks_and_network_there_is_entropy() -> None:
    machine = spinning_machine()
    found = [Slot(machine, slot).read(registers.DEVICE_ID) for slot in range(VIRTIO_SLOTS)]
    assert found == [0] * 7 + [4]


def test_empty_slots_take_nothing() -> None:
    machine = spinning_machine()
    before = machine.board.tobytes()
    slot = Slot(machine, 3)
    for offset in range(0, 0x200, 4):
        slot.write(offset, 0xFFFF_FFFF)
    assert machine.board.tobytes() == before
    assert slot.read(registers.CONFIG, 8) == 0


def test_a_disk_says_what_it_is(disk: Path) -> None:
    slot = Slot(spinning_machine(disk), 0)
    assert slot.features & constants.VERSION_1
    assert slot.features & constants.DISK_FLUSH
    assert slot.features & constants.DISK_READ_ONLY == 0
    capacity = slot.read(registers.CONFIG, 8)
    assert capacity == (1 << 20) // 512
    assert [slot.read(registers.CONFIG + at, 1) for at in range(8)] == list(capacity.to_bytes(8, "little"))
    assert [slot.read(registers.CONFIG + at) for at in (8, 12, 20)] == [16_384, 126, 512]
    assert slot.read(registers.CONFIG + 24, 1) == 3
    assert slot.read(registers.CONFIG + 26, 2) == 8
    slot.write(registers.CONFIG, 7)
    assert slot.read(registers.CONFIG) == capacity


def test_a_read_only_disk_offers_no_writes(disk: Path) -> None:
    slot = Slot(spinning_machine(disk, read_only=True), 0)
    assert slot.features & constants.DISK_READ_ONLY
    assert slot.features & (constants.DISK_DISCARD | constants.DISK_WRITE_ZEROES) == 0


def test_the_network_says_what_it_is() -> None:
    slot = Slot(spinning_machine(network=True), NETWORK_SLOT)
    assert bytes(slot.read(registers.CONFIG + at, 1) for at in range(6)).hex(":") == "52:54:00:12:34:56"
    assert slot.read(registers.CONFIG + 6, 2) == 1, "the link is up"
    assert slot.read(registers.CONFIG + 10, 2) == 65_520


def test_odd_accesses_read_nothing_and_change_nothing(disk: Path) -> None:
    machine = spinning_machine(disk)
    slot = Slot(machine, 0)
    before = machine.board.tobytes()
    for offset, size in ((registers.MAGIC, 1), (registers.MAGIC, 8), (registers.MAGIC + 1, 4)):
        assert slot.read(offset, size) == 0
    for offset, size in ((registers.STATUS, 1), (registers.STATUS, 8), (registers.STATUS + 2, 4)):
        slot.write(offset, 1, size)
    assert machine.board.tobytes() == before


def test_features_that_make_no_sense_are_refused() -> None:
    slot = Slot(spinning_machine(), ENTROPY_SLOT)
    for low, high in ((0, 0), (1 << 5, 1), (0, 3)):
        slot.write(registers.STATUS, 0)
        slot.write(registers.STATUS, ACKNOWLEDGE | DRIVER)
        slot.write(registers.DRIVER_FEATURES_SELECT, 0)
        slot.write(registers.DRIVER_FEATURES, low)
        slot.write(registers.DRIVER_FEATURES_SELECT, 1)
        slot.write(registers.DRIVER_FEATURES, high)
        slot.write(registers.STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK)
        assert slot.read(registers.STATUS) == ACKNOWLEDGE | DRIVER, (low, high)
        slot.write(registers.STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK)
        assert slot.read(registers.STATUS) == ACKNOWLEDGE | DRIVER, (low, high)


def test_features_stay_as_they_were_agreed() -> None:
    driver = Driver(spinning_machine(), ENTROPY_SLOT)
    accepted = int(driver.record["features_accepted"])
    driver.write(registers.DRIVER_FEATURES, 0)
    assert int(driver.record["features_accepted"]) == accepted == driver.features


def test_there_are_as_many_queues_as_the_device_has() -> None:
    slot = Slot(spinning_machine(network=True), NETWORK_SLOT)
    sizes = []
    for queue in (0, 1, 2, 2**32 - 1):
        slot.write(registers.QUEUE_SELECT, queue)
        sizes.append(slot.read(registers.QUEUE_SIZE_MAX))
        slot.write(registers.QUEUE_READY, 1)
        assert slot.read(registers.QUEUE_READY) == (queue < 2)
    assert sizes == [256, 256, 0, 0]
    assert slot.read(0x0B0) == slot.read(0x0BC) == 0xFFFF_FFFF, "no shared memory"


def test_a_reset_forgets_everything(disk: Path) -> None:
    machine = spinning_machine(disk)
    fresh = machine.board["virtio"].tobytes()
    driver = Driver(machine, 0)
    driver.add([(driver.room(16), 16, False), (driver.room(1), 1, True)])
    driver.notify()
    driver.write(registers.STATUS, 0)
    assert machine.board["virtio"].tobytes() == fresh
    assert machine.board["virtio_notified"] == 0
    serve(machine)
    assert driver.used() == []


def test_nothing_is_served_before_the_driver_is_ready() -> None:
    machine = spinning_machine(clock="virtual")
    driver = Driver(machine, ENTROPY_SLOT)
    # Set up again, but for DRIVER_OK.
    accepted = driver.features
    base = driver.queue_at(0)
    driver.write(registers.STATUS, 0)
    driver.write(registers.STATUS, ACKNOWLEDGE | DRIVER)
    for half in range(2):
        driver.write(registers.DRIVER_FEATURES_SELECT, half)
        driver.write(registers.DRIVER_FEATURES, accepted >> 32 * half & 0xFFFF_FFFF)
    driver.write(registers.STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK)
    driver.place(0, base, base + 0x2000, base + 0x3000)
    driver.add([(driver.room(64), 64, True)])
    driver.notify()
    serve(machine)
    assert driver.used() == []
    driver.write(registers.STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK)
    driver.notify()
    serve(machine)
    assert len(driver.used()) == 1


def test_the_line_is_high_until_the_driver_has_acknowledged() -> None:
    machine = spinning_machine(clock="virtual")
    driver = Driver(machine, ENTROPY_SLOT)
    line = 1 << VIRTIO_IRQ + ENTROPY_SLOT
    driver.add([(driver.room(64), 64, True)])
    driver.notify()
    assert machine.board["plic"]["lines"][0] & line == 0
    serve(machine)
    assert machine.board["plic"]["lines"][0] & line
    assert driver.read(registers.INTERRUPT_STATUS) == constants.USED_BUFFER
    driver.write(registers.INTERRUPT_ACKNOWLEDGE, constants.USED_BUFFER)
    assert machine.board["plic"]["lines"][0] & line == 0
    assert driver.read(registers.INTERRUPT_STATUS) == 0
