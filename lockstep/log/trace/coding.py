"""Entries as few bytes: differences of positions and of clocks, a dictionary of program counters, then zstd.

Numbers come column by column (see `varints`), as one column is more like itself than one entry is like the next:

    kinds n | lengths n | positions n, each the difference from the one before
    size of the dictionary 1 | its program counters, ascending, the difference from the one before | places in it n
    offsets of the CLOCK entries, each the zigzag difference from the one before
    of the DISK entries: disks | statuses | numbers, each as the zigzag difference from the one before
    all other payloads, as they are

A batch stands for itself: all differences start from 0.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
import numpy.typing as npt
import zstandard

from lockstep.errors import TraceError
from lockstep.log.entry import CLOCK, DISK
from lockstep.log.shared import SharedRing
from lockstep.log.trace.columns import EntryColumns, Words, discard_entries, next_sequence, take_entries
from lockstep.log.trace.varints import BadVarintsError, Unpacker, pack, unzigzag, zigzag

__all__ = ["EntryBatch", "decode_entries", "discard_entries", "encode_columns", "encode_entries"]

CLOCK_BYTES: Final = 8
DISK_WORDS: Final = 3
_LEVEL = 3
_DECODED_BYTES_MAX = 1 << 31


@dataclasses.dataclass(frozen=True)
class EntryBatch:
    """Some entries that follow each other, coded."""

    first_sequence: int
    """The first one's number in its ring."""
    count: int
    first_position: int
    last_position: int
    body: bytes


def encode_entries(ring: SharedRing, below: int, entries_max: int = 1 << 16) -> EntryBatch | None:
    """Consume entries stamped below `below` from `ring`, `entries_max` at most; None: there are none now.

    A `LogError` if the ring refuses its next entry.
    """
    first = next_sequence(ring)
    if first is None:
        return None
    columns = take_entries(ring, below, entries_max)
    if not len(columns):
        return None
    return EntryBatch(
        first_sequence=first,
        count=len(columns),
        first_position=int(columns.positions[0]),
        last_position=int(columns.positions[-1]),
        body=encode_columns(columns),
    )


def encode_columns(columns: EntryColumns) -> bytes:
    """The body of a frame with these entries."""
    is_clock_byte = np.repeat(_is_clock(columns.kinds, columns.lengths), columns.lengths)
    is_disk_byte = np.repeat(_is_disk(columns.kinds, columns.lengths), columns.lengths)
    offsets = columns.payloads[is_clock_byte].view(np.int64)
    disks = columns.payloads[is_disk_byte].view(np.int64).reshape(-1, DISK_WORDS)
    dictionary, numbers = np.unique(columns.pcs, return_inverse=True)
    parts = (
        pack(columns.kinds),
        pack(columns.lengths),
        pack(_differences(columns.positions)),
        pack(np.array([len(dictionary)], np.int64)),
        pack(_differences(dictionary)),
        pack(numbers.astype(np.int64)),
        pack(zigzag(_differences(offsets))),
        *(pack(zigzag(_differences(column))) for column in disks.T),
        columns.payloads[~(is_clock_byte | is_disk_byte)].tobytes(),
    )
    return zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True).compress(b"".join(parts))


def decode_entries(body: bytes, count: int) -> EntryColumns:
    """The `count` entries in `body`. TraceError if they aren't there."""
    try:
        return _decode(_decompress(body), count)
    except (BadVarintsError, zstandard.ZstdError, IndexError, ValueError):
        raise TraceError("the trace is damaged: its log entries can't be decoded; record it again") from None


def _decompress(body: bytes) -> bytes:
    if zstandard.get_frame_parameters(body).content_size > _DECODED_BYTES_MAX:
        raise ValueError
    return zstandard.ZstdDecompressor().decompress(body)


def _decode(data: bytes, count: int) -> EntryColumns:
    unpacker = Unpacker(data)
    kinds, lengths = unpacker.words(count), unpacker.words(count)
    positions = np.cumsum(unpacker.words(count))
    (dictionary_size,) = unpacker.words(1)
    dictionary = np.cumsum(unpacker.words(int(dictionary_size)))
    pcs = dictionary[unpacker.words(count)]
    is_clock = _is_clock(kinds, lengths)
    offsets = np.cumsum(unzigzag(unpacker.words(int(is_clock.sum()))))
    is_disk = _is_disk(kinds, lengths)
    disks = np.empty((int(is_disk.sum()), DISK_WORDS), np.int64)
    for column in range(DISK_WORDS):
        disks[:, column] = np.cumsum(unzigzag(unpacker.words(len(disks))))
    rest = unpacker.rest()
    coded_bytes = offsets.nbytes + disks.nbytes
    if (lengths < 0).any() or lengths.sum(dtype=np.float64) != len(rest) + coded_bytes:
        raise BadVarintsError
    is_clock_byte, is_disk_byte = np.repeat(is_clock, lengths), np.repeat(is_disk, lengths)
    payloads = np.empty(len(is_clock_byte), np.uint8)
    payloads[is_clock_byte] = offsets.view(np.uint8)
    payloads[is_disk_byte] = disks.reshape(-1).view(np.uint8)
    payloads[~(is_clock_byte | is_disk_byte)] = rest
    return EntryColumns(kinds, positions, pcs, lengths, payloads)


def _differences(words: Words) -> Words:
    return np.diff(words, prepend=np.int64(0))


def _is_clock(kinds: Words, lengths: Words) -> npt.NDArray[np.bool_]:
    return (kinds == CLOCK) & (lengths == CLOCK_BYTES)


def _is_disk(kinds: Words, lengths: Words) -> npt.NDArray[np.bool_]:
    return (kinds == DISK) & (lengths == DISK_WORDS * 8)
