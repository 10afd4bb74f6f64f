"""A host's tape: copies of the log entries that its machine took, kept until the monitor has them in the run's trace.

Like retained output (rule 3), every host keeps its own: whoever dies, another one has what the trace still lacks. An
entry's *ordinal* counts the entries of the whole run, whichever hosts ran it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from lockstep.log.entry import Entry
from lockstep.log.layout import ENTRY_SIZE, WORD_SIZE
from lockstep.log.shared import SharedRing
from lockstep.log.trace.coding import EntryBatch, decode_entries, discard_entries, encode_entries

TAPE_BYTES = 1 << 22
ENTRIES_MAX = 1 << 14


class Tape:
    """Entries taken and not yet recorded. The machine thread appends, in native code; one other thread consumes."""

    def __init__(self) -> None:
        """Empty, at the run's first entry."""
        self.ring = SharedRing.create(TAPE_BYTES, 1, 1)
        self.first_ordinal = 0
        self._recorded = 0
        self._sent: deque[EntryBatch] = deque()
        """What was sent and may not have arrived."""
        self._lock = threading.Lock()
        """Held by who consumes or copies."""

    def begin_with(self, first_ordinal: int, entries: Iterable[Entry]) -> None:
        """This host is a copy of one whose tape had `entries`, from number `first_ordinal` on."""
        with self._lock:
            self.first_ordinal = first_ordinal
            for entry in entries:
                self.ring.append(entry.kind, entry.position, entry.pc, entry.payload)

    def has_room(self, length: int) -> bool:
        """Whether an entry with a payload of `length` bytes fits for sure, wherever the ring's end is."""
        return self.ring.capacity_bytes - self.ring.used() > 2 * (ENTRY_SIZE + length + WORD_SIZE)

    def take_batch(self, below: int) -> EntryBatch | None:
        """The next entries stamped below `below`, coded, to be sent; None: there are none."""
        with self._lock:
            self._discard()  # what came since, if others had recorded it before this host took it
            batch = encode_entries(self.ring, below, ENTRIES_MAX)
            if batch is not None:
                self._sent.append(batch)
            return batch

    def discard(self, ordinal: int) -> None:
        """Entries with a smaller number than `ordinal` are of no use any more, those still to come included."""
        with self._lock:
            self._recorded = max(ordinal, self._recorded)
            self._discard()

    def _discard(self) -> None:
        sequence = self._recorded - self.first_ordinal
        while self._sent and self._sent[0].first_sequence + self._sent[0].count <= sequence:
            self._sent.popleft()
        discard_entries(self.ring, sequence)

    def copy(self) -> list[Entry]:
        """All entries that the trace may lack: sent or not."""
        with self._lock:
            sent = [
                entry for batch in self._sent for entry in decode_entries(batch.body, batch.count).entries()
            ]
            return sent + self.ring.waiting()

    @property
    def is_filling(self) -> bool:
        """Whether it is time that somebody consumed some."""
        return self.ring.used() > self.ring.capacity_bytes // 4
