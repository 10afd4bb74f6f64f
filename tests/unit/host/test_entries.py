from __future__ import annotations

import pytest

from lockstep.host.divergence import MachinesDifferError
from lockstep.host.entries import (
    check_place,
    clock_payload,
    input_count,
    signed_pc,
    take_entry,
    wire_room,
)
from lockstep.log.entry import CLOCK, INPUT, Entry
from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine
from lockstep.machine.state import WIRE_BYTES


@pytest.fixture
def machine() -> Machine:
    return Machine(MachineConfig(guest=b"\x6f\x00\x00\x00", guest_name="spin", memory_bytes=16 << 20))


def test_input_is_counted_and_takes_room_on_the_wire(machine: Machine) -> None:
    assert (input_count(machine), wire_room(machine)) == (0, WIRE_BYTES)
    take_entry(machine, INPUT, b"abc")
    assert (input_count(machine), wire_room(machine)) == (3, WIRE_BYTES - 3)
    assert bytes(machine.board["wire"][:3]) == b"abc"


def test_input_goes_round_the_wire(machine: Machine) -> None:
    machine.board["wire_head"] = machine.board["wire_tail"] = WIRE_BYTES - 2
    take_entry(machine, INPUT, b"abcd")
    wire = machine.board["wire"]
    assert bytes([*wire[-2:], *wire[:2]]) == b"abcd"


def test_the_clock_never_goes_back(machine: Machine) -> None:
    take_entry(machine, CLOCK, clock_payload(500))
    assert machine.guest_ns == machine.position + 500
    take_entry(machine, CLOCK, clock_payload(400))
    assert machine.guest_ns == machine.position + 500


def test_an_entry_fits_where_it_was_stamped_and_nowhere_else(machine: Machine) -> None:
    pc = signed_pc(machine)
    check_place(machine, Entry(CLOCK, machine.position, 0, pc))
    with pytest.raises(
        MachinesDifferError, match="in the position of the next clock entry: expected 1, found 0"
    ):
        check_place(machine, Entry(CLOCK, machine.position + 1, 0, pc))
    with pytest.raises(
        MachinesDifferError, match="in the pc of the next clock entry: expected 0x80000004, found"
    ):
        check_place(machine, Entry(CLOCK, machine.position, 0, pc + 4))


def test_a_pc_in_the_upper_half_fits_the_log(machine: Machine) -> None:
    machine.wires.engines[0].registers[0]["pc"] = -4096
    assert signed_pc(machine) == -4096
    check_place(machine, Entry(CLOCK, machine.position, 0, -4096))
