"""Rings of numbered output: entries count on from the machine's reset, whichever ring and host they are in.

Every host appends what its machine puts out; one consumer, the sink, takes from the primary's ring and drops from the
others' what it has taken. The notes in the ring's header say which number the ring's first entry has, and what the sink
has come to.
"""

from __future__ import annotations

import ctypes

from lockstep.log.entry import Entry
from lockstep.log.layout import (
    APPENDED_SEQUENCE,
    APPLIED,
    CONSUMED_SEQUENCE,
    DURABLE,
    FIRST_NUMBER,
    HOLD,
    HOLD_FOR,
    TROUBLE,
)
from lockstep.log.ring import ring_peek, ring_pop, ring_wait
from lockstep.log.shared import SharedRing
from lockstep.log.words import load_word
from lockstep.native import exported, int64, load_acquire, void


@exported(int64(int64, int64))
def drop_below(ring: int, number: int) -> int:
    """Drop entries with a smaller number than `number`; 0, or what the ring refuses its next entry with."""
    first = load_acquire(ring + FIRST_NUMBER)
    if first == 0:
        return 0
    while first - 1 + load_word(ring + CONSUMED_SEQUENCE) < number:
        entry = ring_peek(ring)
        if entry <= 0:
            return entry
        ring_pop(ring)
    return 0


@exported(void(int64, int64))
def want_wake(ring: int, when: int) -> None:
    """`ring_wait`."""
    ring_wait(ring, when)


class NumberedRing:
    """A SharedRing with numbers. The methods of the producer's side and of the sink's are told apart below."""

    def __init__(self, ring: SharedRing) -> None:
        """Own `ring`."""
        self.ring = ring

    def _word(self, at: int) -> ctypes.c_int64:
        return ctypes.c_int64.from_address(self.ring.base + at)

    # The producer's side.

    def begin(self, first_number: int, retained: list[Entry]) -> None:
        """The ring's first entry will be number `first_number`: `retained` is what the sink may still lack."""
        for entry in retained:
            self.ring.append(entry.kind, entry.position, entry.pc, entry.payload)
        self._word(FIRST_NUMBER).value = first_number + 1

    def hold_from(self, number: int, host: int) -> None:
        """This machine, which has made `number` outputs, is about to be copied to `host`, which reads what is written.

        Host 0: there is no such copy any more.
        """
        self._word(HOLD).value = number
        self._word(HOLD_FOR).value = host

    @property
    def applied(self) -> int:
        """How many outputs are where they belong: a disk's file shows them."""
        return self._word(APPLIED).value

    # The sink's side.

    @property
    def made(self) -> int | None:
        """How many outputs its machine has made since reset; None if it hasn't begun."""
        first = self.first_number
        return None if first is None else first + self._word(APPENDED_SEQUENCE).value

    @property
    def first_number(self) -> int | None:
        """The number of the first entry that was ever in it; None if it hasn't begun."""
        first = self._word(FIRST_NUMBER).value
        return first - 1 if first else None

    @property
    def next_number(self) -> int:
        """The number of the next entry that is taken or dropped; 0 if its machine hasn't begun."""
        return (self.first_number or 0) + self._word(CONSUMED_SEQUENCE).value

    @property
    def hold(self) -> tuple[int, int]:
        """See `hold_from`: for whom, and the number."""
        host = self._word(HOLD_FOR).value
        return host, self._word(HOLD).value

    def report(self, applied: int, durable: int, trouble: int) -> None:
        """Tell the machine what the sink has come to; `trouble` has a bit for each disk that takes no more."""
        self._word(TROUBLE).value = trouble
        self._word(APPLIED).value, self._word(DURABLE).value = applied, durable

    def close(self) -> None:
        """Let go of the memory."""
        self.ring.close()
