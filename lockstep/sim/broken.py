"""Worlds in which one rule is missing. Each must come to grief: that shows that the rule and the checks work.

Nothing but the simulator can reach these: the real hosts and the real monitor know no such switch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from lockstep.ft.device_output import ALL_MADE, NOBODY, DiskLedger, FrameLedger, RingCounts
from lockstep.ft.inbox import Inbox
from lockstep.ft.member import EVERYTHING, Member
from lockstep.ft.sink import SinkLedger
from lockstep.host import messages as m
from lockstep.monitor.parties import Host
from lockstep.monitor.protection import Protector
from lockstep.sim.parts import Parts, SmallOutbox


class HastyMember(Member):
    """Without the output rule: output leaves before the secondary holds what caused it."""

    def releases(self, channel_held: int | None) -> Iterator[tuple[int, bytes]]:
        """All that there is, from whoever speaks."""
        return super().releases(EVERYTHING)


class ForgetfulOutbox(SmallOutbox):
    """Without retention: what was made before going live is gone."""

    def offer_from(self, sink_bytes: int) -> None:
        """The survivor goes on with what it makes from now on."""
        super().offer_from(max(sink_bytes, self.retention.end))


class UnnumberedInbox(Inbox):
    """Without numbers: what comes is taken to be new."""

    def arrive(self, offset: int, data: bytes, taken: int) -> None:
        """Whatever `offset` says."""
        super().arrive(taken + self.waiting, data, taken)


class OpenSink(SinkLedger):
    """Takes output of a generation until one of a later generation comes."""

    def accept(self, generation: int, offset: int, data: bytes) -> bytes:
        """The first output of a new generation is the fence against the old one."""
        if generation > self.generation:
            self.fence(generation)
        return super().accept(generation, offset, data)


class LateFence(Protector):
    """The survivor cuts the log while the sink still takes what the old primary writes."""

    def __init__(self, *arguments: Any) -> None:
        """As the real one, but for the sink."""
        super().__init__(*arguments)
        self.sink = OpenSink()

    def _fence_and_go_live(self, survivor: Host, generation: int) -> None:
        survivor.send(m.GoLive(generation=generation, sink_bytes=self.sink.accepted))

    def went_live(self, message: m.Live) -> None:
        """Now that it lives, fence the old one off."""
        if message.generation > self.sink.generation:
            self.sink.fence(message.generation)
            if self.primary is not None:
                self.devices.fence(message.generation, self.primary.number)
        super().went_live(message)


class NoRecord(Protector):
    """A primary that lost its secondary goes on alone, and the lost one may still win."""

    lost: Host | None = None

    def host_gone(self, host: Host, detected_at_s: float) -> bool:
        """A lost secondary isn't let go of; it takes over where nobody else can."""
        if host is self.lost:
            return True
        if host is self.secondary:
            self.lost = host
            self._lose_secondary()
            return True
        if host is self.primary and self.secondary is None:
            self.secondary, self.lost = self.lost, None
        return super().host_gone(host, detected_at_s)

    def _fence_and_go_live(self, survivor: Host, generation: int) -> None:
        """Disks and frames have let go of it, too."""
        self.devices.follow(survivor.number)
        super()._fence_and_go_live(survivor, generation)

    def _record_alone(self, primary: Host) -> None:
        """On no record."""


class HastyFlushes(DiskLedger):
    """A flush is acknowledged once all before it was written, durable or not."""

    def apply(self, end: int) -> None:
        """What is next may be a flush."""
        super().apply(end)
        self.durable = max(self.durable, end + 1)


class HastyDisks(DiskLedger):
    """What the primary has made and released is written, whoever is still to make it."""

    def limit(self, rings: Mapping[int, RingCounts]) -> int:
        """Followers don't matter."""
        primary = rings[self.roles.primary]
        return max(min(primary.made, primary.released), self.applied)


class UnheldDisks(DiskLedger):
    """What is written after a fork is there before the clone is."""

    def limit(self, rings: Mapping[int, RingCounts]) -> int:
        """Without `hold`."""
        return super().limit(
            {host: dataclasses.replace(ring, hold_for=NOBODY) for host, ring in rings.items()}
        )


class ImpatientDisks(DiskLedger):
    """A secondary that boots more slowly than its primary finds on its disk what that has already written."""

    def limit(self, rings: Mapping[int, RingCounts]) -> int:
        """Nobody boots."""
        self.roles.booting = NOBODY
        return super().limit(rings)


class HastyFrames(FrameLedger):
    """Without the output rule: a frame leaves as soon as the primary has made it."""

    def next(self, primary: RingCounts) -> range:
        """All that there is."""
        return super().next(dataclasses.replace(primary, released=ALL_MADE))


BROKEN = {
    "output rule": Parts(member=HastyMember),
    "retention": Parts(outbox=ForgetfulOutbox),
    "fence before cut": Parts(protector=LateFence),
    "horizon": Parts(obeys_horizon=False),
    "input numbers": Parts(inbox=UnnumberedInbox),
    "record": Parts(protector=NoRecord),
    "durable before acknowledged": Parts(disk_ledger=HastyFlushes),
    "written once made by all": Parts(disk_ledger=HastyDisks),
    "hold for a clone": Parts(disk_ledger=UnheldDisks),
    "wait for who boots": Parts(disk_ledger=ImpatientDisks),
    "output rule for frames": Parts(frame_ledger=HastyFrames),
}
"""By the rule that is missing."""
