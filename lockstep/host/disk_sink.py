"""The sink of disks: takes what machines write from their output rings to the files, in order, in a thread of its own.

What the primary made is applied once the others have made it as well, so that no host ever reads from a file what it
hasn't written itself (`ft.device_output`). A FLUSH is durable when all before it is on the medium. A disk that can't be
written takes nothing more for the rest of the run: its file stays as it was after the last write that worked.
"""

from __future__ import annotations

import dataclasses
import os
import select
import time
from collections.abc import Callable

from lockstep.ft.device_output import NOBODY, DiskLedger, RingCounts
from lockstep.host.output_thread import OutputThread
from lockstep.host.sink_files import SinkFiles, next_kind, refusal
from lockstep.log.numbered import NumberedRing, drop_below, want_wake
from lockstep.log.ring import WAKE_ALWAYS, WAKE_IF_URGENT
from lockstep.machine.output import FLUSH, WRITE

LOOK_EVERY_S = 0.01
OUTPUTS_MAX = 1 << 12
"""How many outputs are written before they count."""
SLOW_S = 0.1
"""With a slow disk fewer at a time, so that its progress shows."""
CLOSE_LIMIT_S = 1.0


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
        self._used = NOBODY
        """The host whose ring is read just now, without the lock."""
        self._outputs_max = OUTPUTS_MAX
        self._rests = True
        """Whether there has been nothing to do for a while."""

    # From other threads, which never wait for a file.

    def add(self, host: int, ring: NumberedRing, doorbell: Callable[[], None]) -> None:
        """`host` has come, with this ring; `doorbell` wakes it."""
        self.attach(host, DiskLink(ring, doorbell))

    def uses(self, host: int) -> bool:
        """Whether the ring of `host`, which may be gone, is still read."""
        with self.lock:
            return self._used == host

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
        """Stop, and close the files. What was taken is in them. A file that hangs is left to the process's end."""
        if self.stop(CLOSE_LIMIT_S):
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
            kind, ring = self._next_kind(), self._ring()
            if kind == 0 or ring is None:
                return False
            count_max = self._limit() - self.taken
            self._used = self.roles.primary
        operation, disk = (kind - 1) & 7, (kind - 1) >> 3
        # Files take their time, so without the lock. Roles may change meanwhile: what is applied here, whoever is
        # primary then has made it, too.
        count, trouble = 1, None
        if operation == FLUSH:
            trouble = self._try(disk, lambda: self.files.flush(disk))
        elif operation != WRITE or (count := self._write(ring, count_max)) == 0:
            count, trouble = 1, self._apply(ring, disk, operation)
        with self.lock:
            self._used = NOBODY
            if trouble is not None:
                self._fail(disk, trouble)
            self._count(count, is_flush=operation == FLUSH)
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

    def _write(self, ring: NumberedRing, count_max: int) -> int:
        """Take the WRITEs that come next; how many. 0: the first of them can't be written."""
        trouble = sum(1 << failed for failed in self._ledger.trouble)
        began_s = time.monotonic()
        count = self.files.write_entries(ring.ring.base, min(count_max, self._outputs_max), trouble)
        if count < 0:
            raise refusal(count)
        is_slow = time.monotonic() - began_s > SLOW_S
        self._outputs_max = max(count // 4, 1) if is_slow else min(2 * self._outputs_max, OUTPUTS_MAX)
        return count

    def _apply(self, ring: NumberedRing, disk: int, operation: int) -> OSError | None:
        """Apply one output, slowly; what was wrong with it."""
        entry = ring.ring.peek()
        assert entry is not None
        if operation == WRITE:
            return self._try(disk, lambda: self.files.write(disk, entry.pc, entry.payload))
        length = int.from_bytes(entry.payload, "little")
        return self._try(disk, lambda: self.files.zero(disk, operation, entry.pc, length))

    def _try(self, disk: int, work: Callable[[], None]) -> OSError | None:
        """Do `work`, unless the disk takes no more; what went wrong."""
        try:
            if self._ledger.is_writable(disk):
                work()
        except OSError as error:
            return error
        return None

    def _fail(self, disk: int, error: OSError) -> None:
        self._ledger.failed(disk, self.taken)
        path = self.files.disks[disk].path
        self.say(f"the disk {path} takes no more ({error.strerror}): the guest gets I/O errors from here on")
        self._report()
        self._wake_primary()

    def _wake_primary(self) -> None:
        if self.primary is not None:
            self.primary.doorbell()

    def _count(self, outputs: int, *, is_flush: bool) -> None:
        first = self.taken
        self._ledger.apply(first + outputs)
        if is_flush:
            self._ledger.made_durable(first)
        self._report()
        for link in self.links.values():
            self._drop(link.ring)
        if is_flush:
            self._wake_primary()

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
