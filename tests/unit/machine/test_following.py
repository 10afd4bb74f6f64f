"""A machine that follows a log runs as far as that allows without asking anybody."""

from __future__ import annotations

import dataclasses

import assembler
import programs
import pytest
from assembler import Assembler

from lockstep.host.entries import clock_payload, entry_counts
from lockstep.log.entry import CHECK, CLOCK, INPUT
from lockstep.log.layout import ENTRY_SIZE, HEADER_SIZE
from lockstep.log.shared import SharedRing
from lockstep.machine.machine import Machine, Stop

BLOCK = 16
HORIZON, ENTRY, HARD = 5_000_000, 3_000_000, 4_000_000


def spinning_machine() -> Machine:
    asm = Assembler()
    asm.label("again")
    asm.emit(*[assembler.addi(5, 5, 1)] * (BLOCK - 1))
    asm.jump("again")
    return Machine(programs.machine_config(asm.image()))


def test_it_stops_at_the_entry_then_at_the_bound_then_at_the_horizon() -> None:
    machine = spinning_machine()
    with SharedRing.create(1 << 16, 1, 2) as ring:
        ring.append(CLOCK, ENTRY, 0, clock_payload(ENTRY))
        ring.publish(HORIZON)

        def run(followed_limit: int) -> int:
            assert machine.run(limit=1000, followed=ring.base, followed_limit=followed_limit) is Stop.REACHED
            return machine.position

        at_entry = run(HARD)
        assert ENTRY <= at_entry < ENTRY + BLOCK
        assert ENTRY - 500_000 <= ring.acknowledged() <= at_entry, "the primary is told on the way"
        assert run(HARD) == at_entry, "the entry is still there"
        assert ring.peek() is not None
        ring.pop()
        assert HARD <= run(HARD) < HARD + BLOCK
        assert HORIZON <= run(1 << 60) < HORIZON + BLOCK
        ring.publish(HORIZON + 100_000)
        assert HORIZON + 100_000 <= run(1 << 60) < HORIZON + 100_000 + BLOCK


def test_an_entry_that_is_refused_stops_it() -> None:
    machine = spinning_machine()
    with SharedRing.create(1 << 16, 1, 2) as ring:
        ring.append(CLOCK, ENTRY, 0, clock_payload(ENTRY))
        ring.publish(HORIZON)
        ring._mapping[HEADER_SIZE + ENTRY_SIZE] ^= 1  # in its payload
        assert machine.run(limit=1000, followed=ring.base) is Stop.REACHED
        assert machine.position < 1000 + BLOCK


def next_start(position: int) -> int:
    """The first natural block start at or behind `position` of a machine that spins."""
    return -(-position // BLOCK) * BLOCK


def test_input_and_clock_are_taken_where_they_are_due_and_kept_on_tape() -> None:
    machine = spinning_machine()
    first, second = next_start(1_000_000), next_start(2_000_000)
    with SharedRing.create(1 << 16, 1, 2) as ring, SharedRing.create(1 << 16, 1, 1) as tape:
        machine.control["tape"] = tape.base
        pc = machine.pc
        given = [(CLOCK, first, pc, clock_payload(77)), (INPUT, first, pc, b"abc"), (INPUT, second, pc, b"d")]
        for entry in (*given, (CHECK, second, pc, b"check")):
            assert ring.append(*entry) is not None
        ring.publish(HORIZON)
        assert machine.run(limit=0, followed=ring.base) is Stop.REACHED
        assert machine.position == second, "the check is for somebody else"
        assert int(machine.board["time_offset_ns"]) == 77
        assert bytes(machine.board["wire"][:4]) == b"abcd"
        assert entry_counts(machine) == {"input": 2, "clock": 1}
        left = ring.peek()
        assert left is not None
        assert left.kind == CHECK
        taped = []
        while (copy := tape.peek()) is not None:
            taped.append((copy.kind, copy.position, copy.pc, copy.payload))
            tape.pop()
        assert taped == given
        machine.control["tape"] = 0


@pytest.mark.parametrize("wrong", ["position", "pc", "length", "wire", "tape"])
def test_what_cannot_be_taken_is_left_to_somebody_else(wrong: str) -> None:
    machine = spinning_machine()
    at = next_start(1_000_000)
    pc = machine.pc
    with SharedRing.create(1 << 20, 1, 2) as ring, SharedRing.create(128, 1, 1) as tape:
        if wrong == "tape":
            assert [tape.append(INPUT, 1, 1, b"full" * 2) for _ in range(2)] == [0, 1]
            machine.control["tape"] = tape.base
        kind = CLOCK if wrong == "length" else INPUT
        payload = bytes((1 << 16) + 1) if wrong == "wire" else b"abc"
        ring.append(kind, at - (wrong == "position"), pc + 2 * (wrong == "pc"), payload)
        ring.publish(HORIZON)
        assert machine.run(limit=0, followed=ring.base) is Stop.REACHED
        assert machine.position == at
        assert ring.peek() is not None
        assert entry_counts(machine) == {}
        machine.control["tape"] = 0


def waiting_machine() -> Machine:
    """Sets its timer, waits for it, and powers off."""
    asm = Assembler()
    asm.constant(5, 0x200_4000)
    asm.emit(assembler.addi(6, 0, 1000), assembler.s_type(0x23, 3, 5, 6, 0))
    asm.emit(assembler.addi(6, 0, 0x80), assembler.csr(1, 0, "mie", 6), assembler.WFI)
    asm.constant(5, 0x10_0000)
    asm.constant(6, assembler.POWER_OFF)
    asm.emit(assembler.s_type(0x23, 2, 5, 6, 0))
    return Machine(dataclasses.replace(programs.machine_config(asm.image()), clock="host"))


def test_what_is_taken_where_the_machine_waits_can_wake_it() -> None:
    primary, machine = waiting_machine(), waiting_machine()
    assert primary.run() is Stop.PARKED
    with SharedRing.create(1 << 16, 1, 2) as ring:
        ring.append(CLOCK, primary.position, primary.pc, clock_payload(100_000))
        ring.publish(primary.position + 100)
        assert machine.run(limit=0, followed=ring.base) is Stop.FINISHED
        assert ring.peek() is None


def test_it_waits_on_where_what_is_taken_wakes_nobody() -> None:
    machine = waiting_machine()
    with SharedRing.create(1 << 16, 1, 2) as ring:
        assert machine.run(limit=0, followed=ring.base) is Stop.REACHED
        ring.publish(1000)
        assert machine.run(limit=0, followed=ring.base) is Stop.PARKED
        assert machine.position < 1000
