"""A host's tape: copies of the log entries that its machine took, kept until the monitor has them in the run's trace.

Like retained output (rule 3), every host keeps its own: whoever dies, another one has what the trace still lacks. An
entry's *ordinal* counts the entries of the whole run, whichever hosts ran it.
"""

from __future__ import annotations

from collections.abc import Iterable

from lockstep.log.entry import Entry
from lockstep.log.layout import ENTRY_SIZE, WORD_SIZE
from lockstep.log.shared import SharedRing

TAPE_BYTES = 1 << 22


class Tape:
    """Entries taken and not yet recorded. The machine thread appends, in native code; one other thread consumes."""

    def __init__(self, first_ordinal: int = 0, entries: Iterable[Entry] = ()) -> None:
        """`entries`, from `first_ordinal` on, come from the host of which this one is a copy."""
        self.ring = SharedRing.create(TAPE_BYTES, 1, 1)
        self.first_ordinal = first_ordinal
        for entry in entries:
            self.ring.append(entry.kind, entry.position, entry.pc, entry.payload)

    def has_room(self, length: int) -> bool:
        """Whether an entry with a payload of `length` bytes fits for sure, wherever the ring's end is."""
        return self.ring.capacity_bytes - self.ring.used() > 2 * (ENTRY_SIZE + length + WORD_SIZE)
