"""The run that a campaign compares with: where the guest is at each check, and how it ends."""

from __future__ import annotations

import bisect
import dataclasses

import numpy as np

from lockstep.machine.machine import Machine
from lockstep.machine.riscv.bits import PAGE_BYTES
from lockstep.verify.subject import Arrival, Subject

CHECKS_WANTED = 100
EVERY_MIN = 1000
RAM_EVERY_CHECKS = 16
"""As in a pair, whose defaults are 50 ms and 0.8 s."""
POSITIONS_MAX = 20_000_000_000
"""A guest that hasn't ended by then is taken not to end."""
_ROUND = (1, 2, 5, 10)


@dataclasses.dataclass(frozen=True)
class Check:
    """What a machine must be like that is told to run to `icount`; the last one can't, for the guest ends."""

    icount: int
    arrival: Arrival
    ram: bytes
    compares_ram: bool
    """Else registers and devices only, as a pair does between its rarer checks of RAM."""


@dataclasses.dataclass(frozen=True)
class Ending:
    """How a run of the guest ends, as the world sees it."""

    ending: str
    exited: bool
    exit_code: int
    console: bytes


@dataclasses.dataclass(frozen=True)
class Reference:
    """A run without errors. The last check is its end, and compares RAM."""

    every: int
    checks: tuple[Check, ...]
    ending: Ending
    digest: str
    pages: tuple[int, ...]
    """Pages of RAM that the guest uses: those that hold anything at its end."""

    @property
    def icount(self) -> int:
        """The guest's length in instructions."""
        return self.checks[-1].arrival.icount

    @property
    def position(self) -> int:
        """The same in positions."""
        return self.checks[-1].arrival.position

    def checks_from(self, icount: int) -> tuple[Check, ...]:
        """All that come at `icount` or later."""
        return self.checks[bisect.bisect_left(self.checks, icount, key=lambda check: check.icount) :]


def measure(machine: Machine, icount_max: int) -> int:
    """How many instructions the guest runs until it ends, or `icount_max`. `machine` is at its end then."""
    return Subject(machine).run_to(icount=icount_max, position=POSITIONS_MAX).icount


def check_interval(icount: int) -> int:
    """A round number that gives a guest of `icount` instructions about CHECKS_WANTED checks."""
    least = max(icount // CHECKS_WANTED, EVERY_MIN)
    scale = 10 ** (len(str(least)) - 1)
    return scale * next(step for step in _ROUND if scale * step >= least)


def record(machine: Machine, length: int, every: int) -> Reference:
    """Run `machine` from its start to its end at `length` instructions, and note what it is like on its way."""
    subject = Subject(machine)
    checks = []
    for number, icount in enumerate(range(every, length, every), 1):
        arrival = subject.run_to(icount=icount)
        checks.append(Check(icount, arrival, subject.ram_digest(), number % RAM_EVERY_CHECKS == 0))
    # An exact stop comes before all else: that the guest has ended shows when it is asked for one instruction more.
    arrival = subject.run_to(icount=length + 1)
    checks.append(Check(length + 1, arrival, subject.ram_digest(), compares_ram=True))
    return Reference(
        every=every,
        checks=tuple(checks),
        ending=ending_of(subject, arrival, subject.take_console()),
        digest=machine.digest(),
        pages=used_pages(machine),
    )


def ending_of(subject: Subject, arrival: Arrival, console: bytes) -> Ending:
    """How `subject`, which came to `arrival`, ended."""
    exited, exit_code = subject.guest_ended()
    return Ending(arrival.ending, exited, exit_code, console)


def used_pages(machine: Machine) -> tuple[int, ...]:
    """Numbers of the pages of RAM that hold anything but zeros."""
    pages = machine.wires.ram.view(np.uint64).reshape(-1, PAGE_BYTES // 8)
    return tuple(int(number) for number in np.flatnonzero(pages.any(axis=1)))
