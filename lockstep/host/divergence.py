"""A secondary that isn't the machine that its log is about: what differs, and where it stands."""

from __future__ import annotations

from lockstep.errors import DivergenceError
from lockstep.host.messages import Diverged
from lockstep.machine.disassembly import disassemble_around
from lockstep.machine.machine import Machine


class MachinesDifferError(DivergenceError):
    """What the secondary found."""

    def __init__(self, what: str, expected: str, actual: str) -> None:
        """`what` of it is `actual`; by its log it should be `expected`."""
        super().__init__(f"the two machines differ in {what}: expected {expected}, found {actual}")
        self.what, self.expected, self.actual = what, expected, actual


def divergence_message(machine: Machine, error: MachinesDifferError, checks: int) -> Diverged:
    """For the monitor: `error`, where `machine` found it, and after how many checks."""
    return Diverged(
        icount=machine.icount,
        pc=machine.pc,
        what=error.what,
        expected=error.expected,
        actual=error.actual,
        disassembly=disassemble_around(machine),
        checks=checks,
    )
