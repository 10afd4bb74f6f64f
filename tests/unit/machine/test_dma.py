"""What devices write into RAM: code that is overwritten by a disk's read is the new code from then on."""

from __future__ import annotations

from pathlib import Path

import pytest
from assembler import FENCE_I, Assembler, addi
from virtio_disk import SECTOR, DiskDriver
from virtio_driver import RAM_BYTES

from lockstep.machine.devices.virtio.disk import IN
from lockstep.machine.disks import find_disk
from lockstep.machine.machine import Machine, MachineConfig, Stop
from lockstep.machine.memory_map import RAM_BASE

FUNCTION_AT = 0x8000
RESULT = 10
RETURN = 0x00008067
TURN = 1000


def function(value: int) -> bytes:
    """A function that loads `value`."""
    return b"".join(word.to_bytes(4, "little") for word in (addi(RESULT, 0, value), RETURN))


def calling_program(*, fence: bool) -> bytes:
    """Call the function for ever."""
    asm = Assembler()
    asm.label("again")
    if fence:
        asm.emit(FENCE_I)
    asm.jump("function", rd=1)
    asm.jump("again")
    asm.emit(*[0x13] * ((FUNCTION_AT - len(asm.code)) // 4))
    asm.label("function")
    return asm.image() + function(1)


def build(path: Path, harts: int, *, fence: bool = True) -> Machine:
    config = MachineConfig(
        memory_bytes=RAM_BYTES,
        guest=calling_program(fence=fence),
        clock="virtual",
        harts=harts,
        disks=(find_disk(path),),
    )
    machine = Machine(config)
    machine.board["turn_positions"] = machine.board["turn_end"] = TURN
    return machine


def results(machine: Machine) -> list[int]:
    return [int(engine.registers[0]["gpr"][RESULT]) for engine in machine.wires.engines]


def run(machine: Machine, positions: int) -> None:
    assert machine.run(limit=machine.position + positions) == Stop.REACHED


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    path.write_bytes(function(2).ljust(SECTOR, b"\0"))
    return path


def overwrite_function(machine: Machine) -> DiskDriver:
    """Ask for a read of the disk's only sector over the function; the machine hasn't served it yet."""
    driver = DiskDriver(machine)
    driver.next_free = 0x20_0000
    header, status = driver.room(16, IN.to_bytes(16, "little")), driver.room(1)
    driver.add([(header, 16, False), (RAM_BASE + FUNCTION_AT, SECTOR, True), (status, 1, True)])
    driver.notify()
    return driver


@pytest.mark.parametrize("harts", [1, 2])
@pytest.mark.parametrize("fence", [True, False])
def test_a_read_over_code_is_the_code_from_then_on(path: Path, harts: int, fence: bool) -> None:
    machine = build(path, harts, fence=fence)
    run(machine, 5 * TURN)
    assert results(machine) == [1] * harts
    driver = overwrite_function(machine)
    run(machine, 1)
    assert len(driver.used()) == 1
    run(machine, 5 * TURN)
    assert results(machine) == [2] * harts


@pytest.mark.parametrize("harts", [1, 2])
def test_it_is_the_same_after_a_snapshot_in_between(path: Path, harts: int) -> None:
    """One machine goes on, one comes from a snapshot taken before the read, one from one taken after it."""
    machine = build(path, harts)
    run(machine, 5 * TURN)
    overwrite_function(machine)
    ends = []
    for positions in (0, 1, 3):
        if positions:
            run(machine, positions)
        other = Machine(machine.config, boot=False)
        other.restore(machine.snapshot())
        other.run(limit=20 * TURN)
        ends.append((other.digest(), results(other)))
    machine.run(limit=20 * TURN)
    ends.append((machine.digest(), results(machine)))
    assert ends[0][1] == [2] * harts
    assert len({digest for digest, _ in ends}) == 1


@pytest.mark.parametrize("offset", [0, 1, 2, 3, 4, 5])
def test_wherever_the_read_comes_every_stop_is_the_same_machine(path: Path, offset: int) -> None:
    """A machine that stops exactly at each instruction around the read ends as one that doesn't."""
    digests = []
    for stops in (False, True):
        machine = build(path, 1, fence=False)
        run(machine, 500 + offset)
        overwrite_function(machine)
        if stops:
            start = machine.icount
            for icount in range(start + 1, start + 12):
                assert machine.run(exact_icount=icount) == Stop.EXACT
        machine.run(limit=3000)
        digests.append((machine.position, machine.digest()))
    assert digests[0] == digests[1]
