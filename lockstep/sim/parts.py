"""What a simulated world is built from: the protocol's own code, or, to show that it is needed, less than that."""

from __future__ import annotations

import dataclasses

from lockstep.ft.device_output import DiskLedger, FrameLedger
from lockstep.ft.inbox import Inbox
from lockstep.ft.member import Member
from lockstep.ft.outbox import Outbox
from lockstep.monitor.protection import Protector


class SmallOutbox(Outbox):
    """The real one with limits that a toy guest reaches."""

    retained_bytes_max = 96
    in_flight_bytes_max = 40
    piece_bytes_max = 16


@dataclasses.dataclass(frozen=True)
class Parts:
    """The classes of which hosts and monitor consist. The defaults are the real ones."""

    member: type[Member] = Member
    outbox: type[Outbox] = SmallOutbox
    inbox: type[Inbox] = Inbox
    protector: type[Protector] = Protector
    disk_ledger: type[DiskLedger] = DiskLedger
    frame_ledger: type[FrameLedger] = FrameLedger
    obeys_horizon: bool = True

    def new_member(self) -> Member:
        """A host's part in the protocol."""
        member = self.member()
        member.outbox, member.inbox = self.outbox(), self.inbox()
        return member
