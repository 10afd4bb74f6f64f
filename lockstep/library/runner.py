"""Runs a machine to a goal, in slices, so that Ctrl-C and timeouts are heard. Where slices end changes nothing."""

from __future__ import annotations

import dataclasses
import os
import time
from typing import Protocol

from lockstep.host.entries import KEY_BYTES, take_entry, unreadable_payload, wants_entropy
from lockstep.host.pace import Pace
from lockstep.library.stop import Stop
from lockstep.log.entry import DISK, ENTROPY
from lockstep.machine.breakpoints import Breakpoints
from lockstep.machine.events import CONSOLE_RESERVE_BYTES
from lockstep.machine.machine import CONSOLE_CAPACITY_BYTES, Machine
from lockstep.machine.machine import Stop as CoreStop
from lockstep.machine.state import NEVER

SLICE_POSITIONS = 20_000_000
"""Some tens of milliseconds."""
PACED_SLICE_POSITIONS = 2_000_000
NAP_S_MAX = 0.1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Goal:
    """Where to stop, whichever comes first; the guest's end comes in between."""

    icount: int = NEVER
    addresses: frozenset[int] = frozenset()
    console: bytes = b""
    """Text that the guest is to write from now on; empty: none."""
    timeout_s: float | None = None


class Course(Protocol):
    """What a machine meets on its way when it isn't left to itself: the entries of a recorded run."""

    def run(self, machine: Machine, limit: int, exact_icount: int) -> CoreStop | None:
        """As `machine.run`; None at the end of what is known."""

    def rejoin(self) -> None:
        """The machine stands somewhere else now."""


class Runner:
    """A machine, how it is run, and what it has written."""

    def __init__(self, machine: Machine, course: Course | None = None) -> None:
        """`machine` follows `course`, or nobody."""
        self.machine = machine
        self.course = course
        self.console = bytearray()
        """What the guest has written since `console_start`."""
        self.console_start = int(machine.board["console_bytes"])
        self._breakpoints = Breakpoints(machine)

    def run(self, goal: Goal) -> Stop:
        """Run to the goal, to the guest's end, or until the time is over."""
        machine = self.machine
        end_s = None if goal.timeout_s is None else time.monotonic() + goal.timeout_s
        searched_from = len(self.console)
        pace = self._pace()
        # Of a recorded run the log says what came from the world, and when.
        machine.control["is_live"] = pace is not None
        if goal.addresses:
            self._breakpoints.activate(goal.addresses, machine.position + 1)
        try:
            while True:
                stop = self._slice(goal, paced=pace is not None)
                self._collect()
                reason = self._reason(stop, goal, searched_from)
                if reason is not None:
                    return reason
                if end_s is not None and time.monotonic() >= end_s:
                    return Stop.TIMEOUT
                if pace is not None:
                    if wants_entropy(machine):
                        take_entry(machine, ENTROPY, os.urandom(KEY_BYTES))
                        continue
                    event_s = pace.until_event_s
                    if stop is CoreStop.PARKED and event_s is None:
                        return Stop.IDLE
                    nap_s = event_s if stop is CoreStop.PARKED else pace.ahead_s
                    time.sleep(min(nap_s or 0.0, NAP_S_MAX))
                    pace.catch_up()
        except BaseException:
            # Ctrl-C may have come between two words of what the course keeps; the machine itself stands well.
            if self.course is not None:
                self.course.rejoin()
            raise
        finally:
            self._breakpoints.deactivate()

    def rewrite(self, console: bytes) -> None:
        """The machine has been changed into another: `console` is what that one wrote, as far as it is known."""
        self.console = bytearray(console)
        self.console_start = int(self.machine.board["console_bytes"]) - len(console)
        if self.course is not None:
            self.course.rejoin()

    def _pace(self) -> Pace | None:
        if self.machine.config.clock == "virtual" or self.course is not None:
            return None
        if self.machine.position == 0:
            self.machine.board["rtc_epoch_ns"] = time.time_ns()
        return Pace(self.machine)

    def _slice(self, goal: Goal, *, paced: bool) -> CoreStop | None:
        machine = self.machine
        if goal.console:
            # As if the buffer were full but for one byte: what the guest writes next stops it.
            full = CONSOLE_CAPACITY_BYTES - CONSOLE_RESERVE_BYTES
            machine.control["console_drained"] = int(machine.board["console_bytes"]) - full
        limit = machine.position + (PACED_SLICE_POSITIONS if paced else SLICE_POSITIONS)
        if self.course is not None:
            return self.course.run(machine, limit, goal.icount)
        stop = machine.run(limit=limit, exact_icount=goal.icount)
        if stop is CoreStop.UNREADABLE:
            take_entry(machine, DISK, unreadable_payload(machine))
        return stop

    def _collect(self) -> None:
        self.machine.control["console_drained"] = self.console_start + len(self.console)
        self.console += self.machine.drain_console()

    def _reason(self, stop: CoreStop | None, goal: Goal, searched_from: int) -> Stop | None:
        machine = self.machine
        if stop is CoreStop.FINISHED:
            return Stop.EXIT if machine.exited else Stop.POWEROFF
        if machine.icount >= goal.icount:
            return Stop.ICOUNT
        if stop is CoreStop.EXACT and machine.pc in goal.addresses:
            return Stop.BREAKPOINT
        if goal.console and self.console.find(goal.console, searched_from) >= 0:
            return Stop.CONSOLE
        if stop is CoreStop.IDLE:
            return Stop.IDLE
        return Stop.END_OF_TRACE if stop is None else None
