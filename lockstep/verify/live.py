"""The side that meets the world: runs live in stretches, and hands on what it stamped."""

from __future__ import annotations

import dataclasses
import os
import time

from lockstep.host.entries import (
    KEY_BYTES,
    signed_pc,
    take_entry,
    unreadable_payload,
    waiting_flush,
    wants_entropy,
    wire_room,
)
from lockstep.host.lead import CLOCK_EVERY_NS
from lockstep.host.pace import Pace
from lockstep.log.entry import CLOCK, DISK, ENTROPY, INPUT, Entry
from lockstep.machine.machine import Machine, Stop
from lockstep.machine.state import NEVER
from lockstep.verify.subject import Arrival, Ending, Subject

PARKED_STRETCH_S = 0.05
"""A guest that waits for nothing in particular is looked at this often."""


@dataclasses.dataclass(frozen=True)
class Stretch:
    """What the live side did: where it came to, and what it met on its way."""

    arrival: Arrival
    entries: tuple[Entry, ...]


class LiveSubject(Subject):
    """A subject that can also run live, under the host's clock."""

    def __init__(self, machine: Machine) -> None:
        """Guest time starts now."""
        super().__init__(machine)
        self._pace = Pace(machine)
        self._typed = bytearray()
        self._stamped: list[Entry] = []
        self._sequence = 0
        self._is_natural = True
        """Whether it stands at a natural block start, where alone the world is met."""

    def lead(self, positions: int, typed: bytes = b"", icount: int = NEVER) -> Stretch:
        """Run `positions` on; less if the guest waits or ends, or once exactly `icount` instructions have retired.

        `typed` came at the console.
        """
        machine = self.machine
        self._typed += typed
        self._stamped = []
        end = machine.position + positions
        while True:
            if self._is_natural:
                self._meet_the_world()
            ahead = CLOCK_EVERY_NS if self._is_natural else 1
            stop = machine.run(limit=min(end, machine.position + ahead), exact_icount=icount)
            self._is_natural = stop is not Stop.EXACT
            self._console += machine.drain_console()
            if stop is Stop.FINISHED:
                return self._stretch("finished")
            if stop is Stop.UNREADABLE:
                self._stamp(DISK, unreadable_payload(machine))
                continue
            if stop is Stop.PARKED and waiting_flush(machine) is not None:
                continue
            is_asleep = stop is Stop.PARKED and not self._sleep()
            if is_asleep or stop is Stop.EXACT or (stop is Stop.REACHED and machine.position >= end):
                return self._stretch("reached")

    def _stretch(self, ending: Ending) -> Stretch:
        return Stretch(self.arrival(ending), tuple(self._stamped))

    def _meet_the_world(self) -> None:
        machine, pace = self.machine, self._pace
        correction = pace.correction(CLOCK_EVERY_NS // 4)
        if correction is not None:
            self._stamp(CLOCK, correction)
        elif pace.ahead_s:
            time.sleep(pace.ahead_s)
        while (flush := waiting_flush(machine)) is not None:
            self._stamp(DISK, flush)  # nothing is written anywhere: what there is, is durable
        if wants_entropy(machine):
            self._stamp(ENTROPY, os.urandom(KEY_BYTES))
        room = wire_room(machine)
        if self._typed and room > 0:
            data = bytes(self._typed[:room])
            del self._typed[: len(data)]
            self._stamp(INPUT, data)

    def _sleep(self) -> bool:
        """Until the guest's next event; False if that is too far off."""
        until_s = self._pace.until_event_s
        time.sleep(PARKED_STRETCH_S if until_s is None else min(until_s, PARKED_STRETCH_S))
        if until_s is None or until_s > PARKED_STRETCH_S:
            return False
        correction = self._pace.correction()
        if self.machine.next_event_ns < NEVER and correction is not None:
            self._stamp(CLOCK, correction)
        return True

    def _stamp(self, kind: int, payload: bytes) -> None:
        machine = self.machine
        entry = Entry(kind, machine.position, self._sequence, signed_pc(machine), payload)
        self._sequence += 1
        self._stamped.append(entry)
        take_entry(machine, kind, payload)
