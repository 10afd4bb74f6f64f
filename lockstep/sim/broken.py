"""Worlds in which one rule is missing. Each must come to grief: that shows that the rule and the checks work.

Nothing but the simulator can reach these: the real hosts and the real monitor know no such switch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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

    def _record_alone(self, primary: Host) -> None:
        """On no record."""


BROKEN = {
    "output rule": Parts(member=HastyMember),
    "retention": Parts(outbox=ForgetfulOutbox),
    "fence before cut": Parts(protector=LateFence),
    "horizon": Parts(obeys_horizon=False),
    "input numbers": Parts(inbox=UnnumberedInbox),
    "record": Parts(protector=NoRecord),
}
"""By the rule that is missing."""
