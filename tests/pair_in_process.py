"""A primary and a secondary without processes: what both hosts do between runs, one after the other.

First the primary runs and logs, then secondaries follow its log. It is the code of real hosts, and a test can look at
every word of both machines.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable

import programs

from lockstep.ft.roles import Event
from lockstep.host import messages as m
from lockstep.host.channel import SharedMemoryChannel
from lockstep.host.divergence import MachinesDifferError
from lockstep.host.follow import Follow
from lockstep.host.host import Host
from lockstep.host.lead import Lead
from lockstep.host.options import CheckIntervals
from lockstep.log.entry import Entry
from lockstep.log.shared import SharedRing
from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine
from lockstep.machine.soft_error import parse_soft_error

RING_BYTES = 1 << 24
ALWAYS = CheckIntervals(every_s=1e-9, ram_every_s=1e-9)
"""A check of everything at every natural block start."""
KICKS_SHARE = 0.4
POSITIONS_MAX = programs.LIMIT // 2
"""Where a primary stops leading a guest that doesn't end."""


class RecordingWire(m.Wire):
    """Keeps what a host says."""

    def __init__(self) -> None:
        with socket.socket(socket.AF_UNIX) as nowhere:
            super().__init__(nowhere)
        self.said: list[m.Message] = []

    def send(self, message: m.Message, descriptors: tuple[int, ...] = ()) -> None:
        self.said.append(message)


def end_of(host: Host) -> programs.End:
    """How the guest ends on the machine of `host`, which is left alone from here on."""
    host.collect_console()
    retention = host.member.outbox.retention
    return programs.run_on(host.machine, console=retention.piece(0, retention.end))


class LedGuest:
    """What a primary made of a guest: its log, and how it ended."""

    def __init__(
        self,
        config: MachineConfig,
        checks: CheckIntervals = ALWAYS,
        positions_max: int = POSITIONS_MAX,
        kicks: random.Random | None = None,
    ) -> None:
        """To the guest's end, or somewhere past `positions_max`. With `kicks`, it is kicked now and then."""
        self.config = config
        ring = SharedRing.create(RING_BYTES, 1, 2)
        self.host = Host(RecordingWire(), Machine(config))
        self.host.become(Event.START_PRIMARY)
        self.host.log_to(SharedMemoryChannel(ring))
        lead = Lead(self.host, checks)
        while self.host.ended is None and self.host.machine.position < positions_max:
            if kicks is not None and kicks.random() < KICKS_SHARE:
                self.host.request(lambda: None)
            lead.step()
            self.host.collect_console()
        self.horizon = max(ring.horizon(), self.host.machine.position)
        self.entries: list[Entry] = []
        while (entry := ring.peek()) is not None:
            self.entries.append(entry)
            ring.pop()
        self.host.log_to(None)
        self.end = end_of(self.host)


class FollowingHost:
    """A secondary that follows the log of a guest as far as it can."""

    def __init__(self, led: LedGuest, soft_errors: Iterable[str] = ()) -> None:
        self.found: MachinesDifferError | None = None
        """How it found that it isn't the same machine."""
        ring = SharedRing.create(RING_BYTES, 1, 2)
        for entry in led.entries:
            assert ring.append(entry.kind, entry.position, entry.pc, entry.payload) is not None
        ring.publish(led.horizon)
        self.host = Host(RecordingWire(), Machine(led.config))
        self.host.become(Event.START_SECONDARY)
        self.host.soft_errors = sorted(map(parse_soft_error, soft_errors), key=lambda error: error.icount)
        self.host.channel = SharedMemoryChannel(ring)
        self.follow = Follow(self.host)
        try:
            self._follow(ring)
        except MachinesDifferError as difference:
            self.found = difference
        self.host.log_to(None)

    def _follow(self, ring: SharedRing) -> None:
        while self.host.ended is None:
            self.host.collect_console()
            if ring.peek() is None and self.host.machine.position >= ring.horizon():
                return
            self.follow.step()
        assert self.follow.has_end_in_log()
