"""Random bytes: virtio 1.2, section 5.4."""

from __future__ import annotations

import pytest
from virtio_driver import Driver, serve, spinning_machine, take_entropy

from lockstep.machine.devices.virtio.entropy import REQUEST_BYTES_MAX
from lockstep.machine.machine import Machine
from lockstep.machine.memory_map import ENTROPY_SLOT


def draw(driver: Driver, length: int = 64) -> bytes:
    room = driver.room(length)
    head = driver.add([(room, length, True)])
    driver.notify()
    serve(driver.machine)
    ((used, written),) = driver.used()
    assert used == head
    return driver.peek(room, written)


def driver_of(machine: Machine) -> Driver:
    return Driver(machine, ENTROPY_SLOT)


def test_requests_wait_for_a_key() -> None:
    machine = spinning_machine()
    driver = driver_of(machine)
    head = driver.add([(driver.room(8), 8, True)])
    driver.notify()
    serve(machine)
    assert driver.used() == []
    assert machine.board["virtio_notified"] == 0
    take_entropy(machine, bytes(range(32)))
    serve(machine)
    assert driver.used() == [(head, 8)]


def test_the_virtual_clock_has_a_key_and_always_the_same() -> None:
    first, second = (draw(driver_of(spinning_machine(clock="virtual")), 256) for _ in range(2))
    assert first == second
    assert len(set(first)) > 100


def test_all_that_was_put_in_counts() -> None:
    drawn = []
    for keys in ((b"\1" * 32,), (b"\2" * 32,), (b"\1" * 32, b"\7" * 32), (b"\2" * 32, bytes(32))):
        machine = spinning_machine()
        for key in keys:
            take_entropy(machine, key)
        drawn.append(draw(driver_of(machine)))
    assert drawn[1] == drawn[3]
    assert len(set(drawn)) == 3


def test_what_was_given_is_not_given_again() -> None:
    driver = driver_of(spinning_machine(clock="virtual"))
    keys = [driver.machine.board["entropy"]["key"].tobytes()]
    blocks = []
    for _ in range(4):
        data = draw(driver, 256)
        blocks += [data[at : at + 64] for at in range(0, 256, 64)]
        keys.append(driver.machine.board["entropy"]["key"].tobytes())
    assert len(set(blocks)) == 16
    assert len(set(keys)) == 5


def test_a_request_gets_so_many_bytes_at_most() -> None:
    driver = driver_of(spinning_machine(clock="virtual"))
    assert len(draw(driver, REQUEST_BYTES_MAX + 1)) == REQUEST_BYTES_MAX


@pytest.mark.parametrize("length", [1, 63, 64, 65])
def test_odd_lengths(length: int) -> None:
    long = draw(driver_of(spinning_machine(clock="virtual")), 128)
    assert draw(driver_of(spinning_machine(clock="virtual")), length) == long[:length]
