"""The sink's side of disks and frames (rules 2, 3 and 5): what of the machines' output may be taken now. No I/O.

Each host appends what its machine sends out to rings of its own, numbered since the guest's reset. The sink reads
counts from the rings, asks a ledger for a limit, takes what is below it from the primary's ring, and says so. Nothing
of another host's ring is ever taken: what the world has by now is dropped there. Roles, and with them whose ring is
read, change between two such steps only, never within one.

    ring       numbers 0 1 2 3 4 5 6 7 8
    primary    first=0, made=9, released=7     what it logged so far is held by whoever would survive
    secondary  first=0, made=6                 it lags
    limit      6                               4 and 5 may be taken now, if 0 to 3 were before

A disk's entry is written only when every follower has made it as well: a host reads what it hasn't written itself from
the file, and would find there what its machine is still to do.

A clone is equal to its primary at the fork, and its ring begins only once it has its state. Until then the primary's
ring says which number came next at the fork (`hold`), and for whom (`hold_for`). The primary stores `hold` before
`hold_for`, and both before it makes that number; the sink reads `made` before `hold_for`, and that before `hold`. So if
no hold was seen, the fork comes after everything that was seen, which the clone then has.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from lockstep.ft.sink import SinkGapError

ALL_MADE = (1 << 63) - 1
NOBODY = 0


@dataclasses.dataclass(frozen=True, slots=True)
class RingCounts:
    """What one output ring says; see above for the order in which to read it."""

    first: int | None = 0
    """The number of the first entry that it ever held; None: its host doesn't have its machine's state yet."""
    made: int = 0
    """Entries below this were made by its host's machine."""
    released: int = ALL_MADE
    """The primary's: entries below this may leave (rule 2). For a sink that stops at the first entry whose position
    isn't released yet, all are."""
    hold_for: int = NOBODY
    """The primary's: the host that its state was forked for last."""
    hold: int = 0
    """The primary's: the number of the first entry that this host doesn't get with the state."""


class OutputRoles:
    """Whose output is taken, and who must have made it as well. Both ledgers look at the same roles."""

    def __init__(self) -> None:
        """Nobody has a role."""
        self.generation = 1
        self.primary = NOBODY
        self.followers: set[int] = set()
        self.booting = NOBODY
        """The follower that starts from reset, as its primary does, and that may take longer to begin."""

    def begin(self, primary: int, secondary: int | None = None) -> None:
        """These boot: each makes everything from number 0 on."""
        self.primary = primary
        if secondary is not None:
            self.followers, self.booting = {secondary}, secondary

    def follow(self, host: int) -> None:
        """`host` is to be cloned from the primary, which hasn't heard of that yet."""
        self.followers.add(host)

    def let_go(self, host: int) -> None:
        """`host` can't go live any more: that it can't is on record (rule 6), and it may see what it likes."""
        self.followers.discard(host)

    def fence(self, generation: int, survivor: int) -> None:
        """`survivor`, a follower, won `generation`: from now on nobody else's output is taken."""
        if generation <= self.generation:
            raise ValueError(f"generation {generation} doesn't follow {self.generation}")
        if survivor not in self.followers:
            raise ValueError(f"host {survivor} goes live and was never waited for")
        self.generation, self.primary = generation, survivor
        self.followers.clear()


class DiskLedger:
    """Disk output, of all disks of a machine in one numbering: what is in their files, and what is durable there."""

    def __init__(self, roles: OutputRoles) -> None:
        """The files are as they were at the guest's reset."""
        self.roles = roles
        self.applied = 0
        """Entries below this were written to their file, or came too late for one that failed. No ring needs them."""
        self.durable = 0
        """Every flush numbered below this is done."""
        self.trouble: dict[int, int] = {}
        """By disk: the entry that couldn't be written. Its file ends there, and stays as it is."""

    def limit(self, rings: Mapping[int, RingCounts]) -> int:
        """Entries of the primary's ring below this may be applied, given the rings of the primary and all followers.

        Raises `SinkGapError` if a host lacks, or hasn't made, what was applied already.
        """
        roles = self.roles
        primary = rings[roles.primary]
        self._check(roles.primary, primary)
        if primary.first is None:
            return self.applied
        limit = min(primary.made, primary.released)
        for host in roles.followers:
            ring = rings[host]
            self._check(host, ring)
            if ring.first is not None:
                limit = min(limit, ring.made)
            elif host == roles.booting:
                limit = 0
            elif primary.hold_for == host:
                limit = min(limit, primary.hold)
        return max(limit, self.applied)

    def _check(self, host: int, ring: RingCounts) -> None:
        if ring.first is None:
            return
        if ring.first > self.applied:
            raise SinkGapError(f"host {host} lacks disk output {self.applied} to {ring.first}")
        if ring.made < self.applied:
            raise SinkGapError(f"host {host} made disk output up to {ring.made}; {self.applied} was applied")

    def is_writable(self, disk: int) -> bool:
        """Whether entries for `disk` are to be written, or left out."""
        return disk not in self.trouble

    def failed(self, disk: int, number: int) -> None:
        """Entry `number` couldn't be written to `disk`, or made durable. Tell the hosts before `applied` moves."""
        self.trouble.setdefault(disk, number)

    def apply(self, end: int) -> None:
        """Entries below `end`, the limit at most, were written."""
        self.applied = max(self.applied, end)

    def made_durable(self, flush: int) -> None:
        """The file is durable with all that was written before entry `flush`; or its disk is in trouble."""
        if flush >= self.applied:
            raise ValueError(f"flush {flush} is done before all ahead of it: {self.applied} applied")
        self.durable = max(self.durable, flush + 1)

    def has_failed(self, disk: int, flush: int) -> bool:
        """Whether `flush`, which is done, lacks something that was to be on `disk`."""
        return self.trouble.get(disk, ALL_MADE) <= flush


class FrameLedger:
    """Frames to the network. Each leaves once; a network may lose some, so what died with its only host may be lost."""

    def __init__(self, roles: OutputRoles) -> None:
        """None has left."""
        self.roles = roles
        self.sent = 0
        """Frames below this have left, or are lost. No ring needs them."""

    def next(self, primary: RingCounts) -> range:
        """Numbers of the frames that may leave now, from the primary's ring."""
        if primary.first is None:
            return range(self.sent, self.sent)
        start = max(self.sent, primary.first)
        return range(start, max(start, min(primary.made, primary.released)))

    def send(self, end: int) -> None:
        """Frames below `end` have left."""
        self.sent = max(self.sent, end)
