"""The sink of disks: takes what machines write from their output rings to the files, in order, in a thread of its own.

What the primary made is applied once the others have made it as well, so that no host ever reads from a file what it
hasn't written itself (`ft.device_output`). A FLUSH is durable when all before it is on the medium. A disk that can't be
written takes nothing more for the rest of the run: its file stays as it was after the last write that worked.
"""

from __future__ import annotations

import dataclasses
import os
import select
from collections.abc import Callable

from lockstep.ft.device_output import DiskLedger, RingCounts
from lockstep.host.output_thread import OutputThread
from lockstep.host.sink_files import SinkFiles, next_kind, refusal
from lockstep.log.numbered import NumberedRing, drop_below, want_wake
from lockstep.log.ring import WAKE_ALWAYS, WAKE_IF_URGENT
from lockstep.machine.output import FLUSH, WRITE

LOOK_EVERY_S = 0.01


@dataclasses.dataclass(frozen=True, slots=True)
class DiskLink:
    """A host's ring, which stays the caller's, and how to wake it."""

    ring: NumberedRing
    """Consumed here."""
    doorbell: Callable[[], None]


class DiskSink(OutputThread[DiskLink]):
    """One run's disks."""

    def __init__(
        self,
        files: SinkFiles,
        say: Callable[[str], None] = lambda line: None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`say` takes a line for the user, `changed` is called when there is nothing to do: in the sink's thread."""
        super().__init__("disks", say, changed)
        self.files = files
        self._ledger = DiskLedger(self.roles)
        self._rests = True
        """Whether there has been nothing to do for a while."""

    # From other threads.

    def add(self, host: int, ring: NumberedRing, doorbell: Callable[[], None]) -> None:
        """`host` has come, with this ring; `doorbell` wakes it."""
        self.attach(host, DiskLink(ring, doorbell))

    @property
    def is_drained(self) -> bool:
        """Whether all that the primary has made so far was taken, or there is no primary."""
        with self.lock:
            made = None if self.primary is None else self.primary.ring.made
        return made is None or self.taken >= made

    @property
    def taken(self) -> int:
        """How many outputs were applied, or left out because their disk takes no more."""
        return self._ledger.applied

    def close(self) -> None:
        """Stop, and close the files. What was taken is in them."""
        self.stop()
        self.files.close()

    # The thread.

    def take_over(self, before: DiskLink | None) -> None:
        """See `OutputThread`."""
        self._report()

    def step(self) -> bool:
        """See `OutputThread`."""
        if not self._take():
            self._sleep()
        return not self.is_closing

    def _take(self) -> bool:
        """Take what may be taken; False if there was nothing."""
        with self.lock:
            kind = self._next_kind()
            if kind == 0:
                return False
            operation, disk = (kind - 1) & 7, (kind - 1) >> 3
            if operation == WRITE:
                self._write(disk)
            elif operation != FLUSH:
                self._apply(disk)
        if operation == FLUSH:
            # Roles may change meanwhile: this output is that of whoever is primary then, too.
            self._flush(disk)
        return True

    def _ring(self) -> NumberedRing | None:
        return None if self.primary is None else self.primary.ring

    def _next_kind(self) -> int:
        """What is next, if it may be applied now."""
        for link in self.links.values():
            # A clone's, too: what came with its state may be taken by now, and fill its ring.
            self._drop(link.ring)
        ring = self._ring()
        if ring is None or ring.made is None:
            return 0
        if self.taken >= self._limit():
            return 0
        kind = int(next_kind(ring.ring.base))
        if kind < 0:
            raise refusal(kind)
        return kind

    def _limit(self) -> int:
        """How many outputs may be applied."""
        hosts = (self.roles.primary, *self.roles.followers)
        return self._ledger.limit({host: counts_of(self.links[host].ring) for host in hosts})

    def _write(self, disk: int) -> None:
        ring = self._ring()
        assert ring is not None
        trouble = sum(1 << failed for failed in self._ledger.trouble)
        count = self.files.write_entries(ring.ring.base, self._limit() - self.taken, trouble)
        if count < 0:
            raise refusal(count)
        self._count(count)
        if count == 0:
            self._apply(disk)  # it failed; so it will once more, and say why

    def _apply(self, disk: int) -> None:
        """Apply one output, slowly."""
        ring = self._ring()
        assert ring is not None
        entry = ring.ring.peek()
        assert entry is not None
        if self._ledger.is_writable(disk):
            operation = (entry.kind - 1) & 7
            try:
                if operation == WRITE:
                    self.files.write(disk, entry.pc, entry.payload)
                else:
                    self.files.zero(disk, operation, entry.pc, int.from_bytes(entry.payload, "little"))
            except OSError as error:
                self._fail(disk, error)
        self._count(1)

    def _flush(self, disk: int) -> None:
        trouble: OSError | None = None
        if self._ledger.is_writable(disk):
            try:
                self.files.flush(disk)
            except OSError as error:
                trouble = error
        with self.lock:
            if trouble is not None:
                self._fail(disk, trouble)
            flush = self.taken
            self._ledger.apply(flush + 1)
            self._ledger.made_durable(flush)
            self._count(0)
            self._wake_primary()

    def _fail(self, disk: int, error: OSError) -> None:
        self._ledger.failed(disk, self.taken)
        path = self.files.disks[disk].path
        self.say(f"the disk {path} takes no more ({error.strerror}): the guest gets I/O errors from here on")
        self._report()
        self._wake_primary()

    def _wake_primary(self) -> None:
        if self.primary is not None:
            self.primary.doorbell()

    def _count(self, outputs: int) -> None:
        self._ledger.apply(self.taken + outputs)
        self._report()
        for link in self.links.values():
            self._drop(link.ring)

    def _report(self) -> None:
        ledger = self._ledger
        # What is in the files: nothing counts any more from the first output that couldn't be written.
        applied = min(ledger.applied, *ledger.trouble.values()) if ledger.trouble else ledger.applied
        trouble = sum(1 << disk for disk in ledger.trouble)
        for link in self.links.values():
            link.ring.report(applied, ledger.durable, trouble)

    def _drop(self, ring: NumberedRing) -> None:
        result = int(drop_below(ring.ring.base, self.taken))
        if result < 0:
            raise refusal(result)

    def _sleep(self) -> None:
        """Until somebody writes to the bell, or there may be something to do, unless there is already.

        After some work more will follow, which can wait a little unless it is urgent: so it comes in larger pieces.
        """
        when = WAKE_ALWAYS if self._rests else WAKE_IF_URGENT
        with self.lock:
            for link in self.links.values():
                want_wake(link.ring.ring.base, when)
            if self._next_kind() != 0:
                return
        self.changed()
        ready, _, _ = select.select([self.bell], [], [], None if self._rests else LOOK_EVERY_S)
        if ready:
            os.eventfd_read(self.bell)
        self._rests = not ready and self._is_quiet()

    def _is_quiet(self) -> bool:
        with self.lock:
            return self._next_kind() == 0


def counts_of(ring: NumberedRing) -> RingCounts:
    """What the ring says, read in the order that the ledger asks for."""
    made, first = ring.made, ring.first_number
    hold_for, hold = ring.hold
    if made is None:
        return RingCounts(first=None)
    return RingCounts(first=first, made=made, hold_for=hold_for, hold=hold)
