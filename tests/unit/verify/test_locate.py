"""Bisection finds what stepping through every instruction finds."""

from __future__ import annotations

import random
from collections.abc import Sequence

import programs
import pytest
import random_programs

from lockstep.machine.machine import Machine
from lockstep.machine.registers import REGISTERS
from lockstep.machine.soft_error import SoftError
from lockstep.verify.locate import Located, Sides, locate
from lockstep.verify.side import Side
from lockstep.verify.subject import Arrival, Subject

KINDS = random_programs.Kinds(pieces=60, traps_max=60)
WINDOW = 1500


def by_stepping(config: programs.MachineConfig, errors: Sequence[SoftError], last: int) -> int | None:
    """The first number of instructions after which they differ, by looking after every single one."""
    expected, tested = Subject(Machine(config)), Subject(Machine(config), errors)
    for icount in range(last + 1):
        both = [(side.run_to(icount=icount), side.ram_digest()) for side in (expected, tested)]
        if both[0] != both[1]:
            return icount
    return None


def by_bisection(
    config: programs.MachineConfig, errors: Sequence[SoftError], low: int, high: int
) -> Located | None:
    machine = Machine(config)
    expected = Side("expected", Subject(machine))
    tested = Side("tested", Subject(machine, errors), close=[expected])
    sides = Sides(expected, tested)
    try:
        for side in (expected, tested):
            side.call("run_to", icount=low)
        sides.push()
        end: Arrival = expected.call("run_to", icount=high)
        expected.rollback()
        found = locate(sides, low, high, end.position)
        if found is not None:
            assert expected.call("arrival", "reached") == tested.call("arrival", "reached")
        return found
    finally:
        expected.end()
        tested.end()


def drawn_error(draw: random.Random, icount: int) -> SoftError:
    if draw.random() < 0.3:
        address = random_programs.DATA + draw.randrange(random_programs.DATA_PAGES * 4096 - 8)
        return SoftError(icount=icount, bit=draw.randrange(64), address=address)
    register = draw.choice([one for one in REGISTERS.values() if one.bits])
    bits = [bit for bit in range(64) if register.bits >> bit & 1]
    return SoftError(icount=icount, bit=draw.choice(bits), register=register.name)


@pytest.mark.parametrize("seed", range(4100, 4106))
def test_it_finds_what_stepping_finds(seed: int) -> None:
    config = programs.machine_config(random_programs.random_program(seed, KINDS))
    draw = random.Random(seed)
    last = min(programs.run_on(Machine(config)).icount - 1, WINDOW)
    error = drawn_error(draw, draw.randrange(1, last))
    stepped = by_stepping(config, [error], last)
    low = draw.randrange(error.icount)
    found = by_bisection(config, [error], low, last)
    if stepped is None or found is None:
        # Overwritten: whoever looks at the end only finds nothing, whoever steps may have.
        assert found is None, f"seed {seed}, {error}: {found}, where stepping finds {stepped}"
    else:
        assert (found.before, found.icount) == (stepped - 1, stepped), f"seed {seed}, {error}"


def test_the_programs_drawn_are_found_in_often_enough() -> None:
    """Else the test above would show nothing."""
    config = programs.machine_config(random_programs.random_program(4100, KINDS))
    found = 0
    for icount in (7, 100, 333):
        error = SoftError(icount=icount, bit=40, address=random_programs.DATA + 8 * 400)
        located = by_bisection(config, [error], 3, 700)
        found += located == Located(icount - 1, icount)
    assert found == 3


def test_equal_machines_are_found_equal() -> None:
    config = programs.machine_config(random_programs.random_program(4200, KINDS))
    assert by_bisection(config, [], 0, 500) is None


def test_a_flip_before_the_first_instruction() -> None:
    config = programs.machine_config(random_programs.random_program(4201, KINDS))
    error = SoftError(icount=0, bit=3, register="x8")
    machine = Machine(config)
    expected = Side("expected", Subject(machine))
    tested = Side("tested", Subject(machine, [error]), close=[expected])
    try:
        assert locate(Sides(expected, tested), 0, 0, 0) == Located(0, 0)
    finally:
        expected.end()
        tested.end()
