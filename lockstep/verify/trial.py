"""One soft error: is it masked, or after how many instructions detected; is it located; what would it have done?"""

from __future__ import annotations

import dataclasses
from typing import Literal

from lockstep.machine.machine import Machine
from lockstep.machine.soft_error import SoftError
from lockstep.verify.locate import Sides, locate
from lockstep.verify.reference import Check, Ending, Reference
from lockstep.verify.side import Side, SideDied
from lockstep.verify.subject import Arrival, Subject

Fate = Literal["masked", "detected", "undetected"]
Outcome = Literal["no effect", "wrong output", "error exit", "trap loop", "hang", "host crash"]
OUTCOMES: tuple[Outcome, ...] = (
    "no effect",
    "wrong output",
    "error exit",
    "trap loop",
    "hang",
    "host crash",
)
"""What a machine alone would have come to, as the world sees it."""
POSITIONS_GRANTED = 100_000
"""A guest that goes on for so long, and half of its usual length, after it should have ended, hangs."""
_TRAP_LOOP_SHARE = 0.05
"""A guest that doesn't end and enters a trap for so many of its positions does nothing else."""


@dataclasses.dataclass(frozen=True)
class Trial:
    """What became of `error`."""

    error: str
    kind: str
    fate: Fate
    latency: int
    """Instructions from the error to the check that found it, or that found it gone."""
    located: int | None
    """The icount at which bisection places it."""
    is_located: bool
    outcome: Outcome


def run_trial(machine: Machine, error: SoftError, reference: Reference) -> Trial:
    """`machine` stands where the reference was at the last check before `error`. It stays there: copies run."""
    console_start = int(machine.board["console_bytes"])
    low = machine.icount
    tested = Side("tested", Subject(machine, [error]))
    expected = Side("expected", Subject(machine), close=[tested])
    try:
        tested.push(0)
        fate, check = _watch(tested, error, reference)
        latency = check.arrival.icount - error.icount
        if fate != "detected":
            return Trial(str(error), error.target, fate, latency, None, False, "no effect")
        outcome = _outcome(tested, reference, console_start)
        found = locate(Sides(expected, tested), low, check.arrival.icount, check.arrival.position)
        located = None if found is None else found.icount
        return Trial(
            str(error),
            error.target,
            fate,
            latency,
            located,
            located == error.icount,
            outcome,
        )
    finally:
        tested.end()
        expected.end()


def _watch(tested: Side, error: SoftError, reference: Reference) -> tuple[Fate, Check]:
    """What the checks say, and which one said it."""
    checks = reference.checks_from(error.icount)
    for check in checks:
        try:
            # A machine that is like the reference gets there before that position.
            arrival: Arrival = tested.call("run_to", icount=check.icount, position=check.arrival.position + 1)
        except SideDied:
            tested.push(0)  # it is back where it began
            return "detected", check
        if arrival != check.arrival:
            return "detected", check
        if tested.call("ram_digest") == check.ram:
            # Equal in all that a machine is made of: what follows is the same as well.
            return "masked", check
        if check.compares_ram:
            return "detected", check
    return "undetected", checks[-1]


def _outcome(tested: Side, reference: Reference, console_start: int) -> Outcome:
    """Let it run to its end without any more checks. It is back at its start afterwards."""
    start: Arrival = tested.call("arrival", "reached")
    bound = max(start.position, reference.position) + reference.position // 2 + POSITIONS_GRANTED
    if reference.ending.ending == "reached":
        place = {"icount": reference.checks[-1].icount, "position": bound}  # it doesn't end by itself
    else:
        place = {"position": bound}
    try:
        end: Arrival = tested.call("run_to", **place)
        exited, exit_code = tested.call("guest_ended")
        console = tested.call("take_console")
    except SideDied:
        return "host crash"
    tested.rollback()
    expected = reference.ending
    ending = Ending(end.ending, exited, exit_code, expected.console[:console_start] + console)
    return _classify(start, end, ending, expected)


def _classify(start: Arrival, end: Arrival, ending: Ending, expected: Ending) -> Outcome:
    if ending.ending == "failed":
        return "host crash"
    if ending.ending != expected.ending:
        if ending.ending == "finished":
            return "error exit"
        positions = end.position - start.position
        trapped = positions - (end.icount - start.icount)
        return "trap loop" if trapped > _TRAP_LOOP_SHARE * positions else "hang"
    if (ending.exited, ending.exit_code) != (expected.exited, expected.exit_code):
        return "error exit"
    return "no effect" if ending.console == expected.console else "wrong output"
