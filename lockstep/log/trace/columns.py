"""Entries of the log as columns, and their way out of a ring and into one without Python per entry."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from lockstep.log.entry import (
    Entry,
    entry_kind,
    entry_length,
    entry_payload,
    entry_pc,
    entry_position,
    entry_sequence,
)
from lockstep.log.errors import FULL, log_error, raise_if_error
from lockstep.log.layout import ENTRY_SIZE
from lockstep.log.ring import ring_append, ring_peek, ring_pop
from lockstep.log.shared import SharedRing
from lockstep.log.words import load_word, store_word
from lockstep.native import exported, int64

Words = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_NO_ENTRY = 1 << 62
_TAKE_BYTES_MAX = 1 << 26
"""Memory for payloads of one `take_entries`."""


@dataclasses.dataclass(frozen=True)
class EntryColumns:
    """Entries in order. Of n entries: `kinds`, `positions`, `pcs` and `lengths` (bytes of payload) are int64[n]."""

    kinds: Words
    positions: Words
    pcs: Words
    lengths: Words
    payloads: Bytes
    """All payloads, one after the other: uint8[sum of lengths]."""

    def __len__(self) -> int:
        """How many entries."""
        return len(self.kinds)

    @property
    def offsets(self) -> Words:
        """Where each payload starts in `payloads`: int64[n]."""
        return np.cumsum(self.lengths) - self.lengths

    def entries(self, first_ordinal: int = 0) -> Iterator[Entry]:
        """The same as objects; the first one's sequence number is `first_ordinal`."""
        rows = zip(self.kinds, self.positions, self.pcs, self.lengths, self.offsets, strict=True)
        for ordinal, (kind, position, pc, length, offset) in enumerate(rows, first_ordinal):
            payload = self.payloads[offset : offset + length].tobytes()
            yield Entry(int(kind), int(position), ordinal, int(pc), payload)

    def part(self, first: int, end: int) -> EntryColumns:
        """Those from number `first` up to `end`."""
        start = int(self.lengths[:first].sum())
        lengths = self.lengths[first:end]
        payloads = self.payloads[start : start + int(lengths.sum())]
        return EntryColumns(
            self.kinds[first:end], self.positions[first:end], self.pcs[first:end], lengths, payloads
        )


def columns_of(entries: Iterable[Entry]) -> EntryColumns:
    """`entries` as columns; their sequence numbers are left out."""
    listed = list(entries)
    kinds, positions, pcs, lengths = (
        np.array(values, np.int64)
        for values in (
            [entry.kind for entry in listed],
            [entry.position for entry in listed],
            [entry.pc for entry in listed],
            [len(entry.payload) for entry in listed],
        )
    )
    payloads = np.frombuffer(b"".join(entry.payload for entry in listed), np.uint8)
    return EntryColumns(kinds, positions, pcs, lengths, payloads)


@exported(int64(*[int64] * 9), releases_gil=True)
def _take(
    ring: int,
    below: int,
    count: int,
    payload_room: int,
    kinds: int,
    positions: int,
    pcs: int,
    lengths: int,
    into: int,
) -> int:
    """Consume up to `count` entries stamped below `below`; how many, or why the first one is refused."""
    for index in range(count):
        entry = ring_peek(ring)
        if entry < 0 and index == 0:
            return entry
        if entry <= 0 or entry_position(entry) >= below:
            return index
        length = entry_length(entry)
        # Whole words are copied, so that a payload may be followed by up to seven bytes of padding.
        if length + 8 > payload_room:
            return index
        store_word(kinds + 8 * index, entry_kind(entry))
        store_word(positions + 8 * index, entry_position(entry))
        store_word(pcs + 8 * index, entry_pc(entry))
        store_word(lengths + 8 * index, length)
        for at in range(0, length, 8):
            store_word(into + at, load_word(entry_payload(entry) + at))
        into += length
        payload_room -= length
        ring_pop(ring)
    return count


def take_entries(ring: SharedRing, below: int, count_max: int) -> EntryColumns:
    """Consume entries stamped below `below` from `ring`, up to `count_max`. A `LogError` if the first is refused."""
    used = ring.used()
    count = min(count_max, used // ENTRY_SIZE)
    rows = np.empty((4, count), np.int64)
    payloads = np.empty(min(used, _TAKE_BYTES_MAX + ring.capacity_bytes // 2) + 8, np.uint8)
    taken = _take(
        ring.base,
        below,
        count,
        len(payloads),
        *(row.ctypes.data for row in rows),
        payloads.ctypes.data,
    )
    if taken < 0:
        raise log_error(taken)
    kinds, positions, pcs, lengths = (row[:taken] for row in rows)
    return EntryColumns(kinds, positions, pcs, lengths, payloads[: int(lengths.sum())])


@exported(int64(int64))
def _next_sequence(ring: int) -> int:
    """The number of the next entry, _NO_ENTRY, or why it is refused."""
    entry = ring_peek(ring)
    if entry < 0:
        return entry
    return _NO_ENTRY if entry == 0 else entry_sequence(entry)


@exported(int64(int64, int64))
def _discard(ring: int, sequence: int) -> int:
    """Consume entries with numbers below `sequence`; how many, or why the next one is refused."""
    discarded = 0
    while True:
        entry = ring_peek(ring)
        if entry < 0:
            return entry
        if entry == 0 or entry_sequence(entry) >= sequence:
            return discarded
        ring_pop(ring)
        discarded += 1


def next_sequence(ring: SharedRing) -> int | None:
    """The number of the next entry in `ring`; None: there is none. A `LogError` if it is refused."""
    sequence = raise_if_error(_next_sequence(ring.base))
    return None if sequence == _NO_ENTRY else sequence


def discard_entries(ring: SharedRing, sequence: int) -> int:
    """Consume the entries of `ring` with numbers below `sequence`, as far as they are there; how many.

    A `LogError` if one is refused.
    """
    return raise_if_error(_discard(ring.base, sequence))


@exported(int64(*[int64] * 8), releases_gil=True)
def _put(
    ring: int, first: int, end: int, kinds: int, positions: int, pcs: int, lengths: int, payload: int
) -> int:
    """Append entries number `first` up to `end`; `payload` is the first one's. The next number, or why not."""
    for index in range(first, end):
        length = load_word(lengths + 8 * index)
        sequence = ring_append(
            ring,
            load_word(kinds + 8 * index),
            load_word(positions + 8 * index),
            load_word(pcs + 8 * index),
            payload,
            length,
        )
        if sequence == FULL:
            return index
        if sequence < 0:
            return sequence
        payload += length
    return end


class ColumnFeed:
    """Puts entries into a ring, as far as it has room."""

    def __init__(self, columns: EntryColumns) -> None:
        """Nothing has been put yet."""
        self._columns = EntryColumns(
            *(np.ascontiguousarray(getattr(columns, field.name)) for field in dataclasses.fields(columns))
        )
        self._offsets = self._columns.offsets
        self.next = 0
        """Number of the entry that is put next."""

    @property
    def is_done(self) -> bool:
        """Whether all are in."""
        return self.next == len(self._columns)

    def put(self, ring: SharedRing) -> None:
        """Append what `ring` has room for. A `LogError` for an entry that it can't take."""
        columns = self._columns
        if self.is_done:
            return
        words = (columns.kinds, columns.positions, columns.pcs, columns.lengths)
        payload = columns.payloads.ctypes.data + int(self._offsets[self.next])
        reached = _put(ring.base, self.next, len(columns), *(word.ctypes.data for word in words), payload)
        if reached < 0:
            raise log_error(reached)
        self.next = reached
