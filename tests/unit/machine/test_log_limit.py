"""A machine that follows a log runs as far as that allows without asking anybody."""

from __future__ import annotations

import programs
from programs import Assembler

from lockstep.log.entry import CLOCK
from lockstep.log.layout import ENTRY_SIZE, HEADER_SIZE
from lockstep.log.shared import SharedRing
from lockstep.machine.machine import Machine, Stop

BLOCK = 16
HORIZON, ENTRY, HARD = 5_000_000, 3_000_000, 4_000_000


def spinning_machine() -> Machine:
    asm = Assembler()
    asm.label("again")
    asm.emit(*[programs.addi(5, 5, 1)] * (BLOCK - 1))
    asm.jump("again")
    return Machine(programs.machine_config(asm.image()))


def test_it_stops_at_the_entry_then_at_the_bound_then_at_the_horizon() -> None:
    machine = spinning_machine()
    with SharedRing.create(1 << 16, 1, 2) as ring:
        ring.append(CLOCK, ENTRY, 0, b"12345678")
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
        ring.append(CLOCK, ENTRY, 0, b"12345678")
        ring.publish(HORIZON)
        ring._mapping[HEADER_SIZE + ENTRY_SIZE] ^= 1  # in its payload
        assert machine.run(limit=1000, followed=ring.base) is Stop.REACHED
        assert machine.position < 1000 + BLOCK
