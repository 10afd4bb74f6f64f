"""The format of the log in memory: one header page, then a ring of entries. This page is the whole format.

    ring block                                     header page (each box on its own 128 bytes)
    +-------------------+ 0                          0  magic | version | capacity | generation | secondary
    | header page       |                          128  tail            producer -> consumer: bytes appended
    +-------------------+ 4096                     256  producer's own: cached head | position | sequence
    | entry             |                          384  head            consumer -> producer: bytes consumed
    | entry             |                          512  consumer's own: cached tail | peeked size | position
    | ...               |                                               | sequence
    | padding to end    |                          640  horizon         producer -> consumer
    +-------------------+ 4096 + capacity          768  acknowledged    consumer -> producer
                                                   896  cut             either side, once: horizon | bytes
                                                  1024  producer's heartbeat
                                                  1152  consumer's heartbeat
                                                  1280  consumer waits: either side, by exchange
                                                  1408  producer's notes: first number | hold | hold for
                                                  1536  consumer's notes: applied | durable | trouble
    entry (all little-endian, 8-byte aligned)
    +0   length  uint32   bytes of payload
    +4   kind    uint16   0 = padding up to the end of the ring, then nothing else of the entry exists
    +6   flags   uint16   0 in this version
    +8   position int64   when it takes effect; never less than the one before
    +16  sequence int64   0, 1, 2, ... in this ring
    +24  pc      int64    the program counter at `position`, to be checked
    +32  checksum int64   over all other words, payload and its zero padding included
    +40  payload          padded with zeros to 8 bytes

`tail`, `head` and the cut count bytes since the ring was made and never wrap; the place in the ring is the
count modulo the capacity. No entry is split: one that doesn't fit before the end is preceded by padding.
Two words that different sides write never share 128 bytes: CPUs fetch cache lines in pairs.
"""

from __future__ import annotations

from typing import Final

import numpy as np

FORMAT_MAGIC: Final = int.from_bytes(b"LSTEPlog", "little")
FORMAT_VERSION: Final = 1

HEADER_SIZE: Final = 4096
LINE_SIZE: Final = 128
WORD_SIZE: Final = 8
CAPACITY_BYTES_MIN: Final = 128
CAPACITY_BYTES_MAX: Final = 1 << 32
KIND_PADDING: Final = 0
KIND_MAX: Final = 0x7FFF

_HEADER_FIELDS: Final = {
    "magic": 0,
    "version": 8,
    "capacity_bytes": 16,
    "generation": 24,
    "secondary": 32,
    "tail": 1 * LINE_SIZE,
    "cached_head": 2 * LINE_SIZE,
    "appended_position": 2 * LINE_SIZE + 8,
    "appended_sequence": 2 * LINE_SIZE + 16,
    "head": 3 * LINE_SIZE,
    "cached_tail": 4 * LINE_SIZE,
    "peeked_size": 4 * LINE_SIZE + 8,
    "consumed_position": 4 * LINE_SIZE + 16,
    "consumed_sequence": 4 * LINE_SIZE + 24,
    "horizon": 5 * LINE_SIZE,
    "acknowledged": 6 * LINE_SIZE,
    "cut_horizon": 7 * LINE_SIZE,
    "cut": 7 * LINE_SIZE + 8,
    "producer_beats": 8 * LINE_SIZE,
    "consumer_beats": 9 * LINE_SIZE,
    "consumer_waits": 10 * LINE_SIZE,
    "first_number": 11 * LINE_SIZE,
    "hold": 11 * LINE_SIZE + 8,
    "hold_for": 11 * LINE_SIZE + 16,
    "applied": 12 * LINE_SIZE,
    "durable": 12 * LINE_SIZE + 8,
    "trouble": 12 * LINE_SIZE + 16,
}

HEADER: Final = np.dtype(
    {
        "names": list(_HEADER_FIELDS),
        "formats": ["<i8"] * len(_HEADER_FIELDS),
        "offsets": list(_HEADER_FIELDS.values()),
        "itemsize": HEADER_SIZE,
    }
)

ENTRY: Final = np.dtype(
    [
        ("length", "<u4"),
        ("kind", "<u2"),
        ("flags", "<u2"),
        ("position", "<i8"),
        ("sequence", "<i8"),
        ("pc", "<i8"),
        ("checksum", "<i8"),
    ]
)
ENTRY_SIZE: Final = ENTRY.itemsize


def offset_of(record: np.dtype[np.void], field: str) -> int:
    """Where `field` starts in `record`, in bytes."""
    fields = record.fields
    assert fields is not None
    return int(fields[field][1])


MAGIC: Final = offset_of(HEADER, "magic")
VERSION: Final = offset_of(HEADER, "version")
CAPACITY: Final = offset_of(HEADER, "capacity_bytes")
GENERATION: Final = offset_of(HEADER, "generation")
SECONDARY: Final = offset_of(HEADER, "secondary")
TAIL: Final = offset_of(HEADER, "tail")
CACHED_HEAD: Final = offset_of(HEADER, "cached_head")
APPENDED_POSITION: Final = offset_of(HEADER, "appended_position")
APPENDED_SEQUENCE: Final = offset_of(HEADER, "appended_sequence")
HEAD: Final = offset_of(HEADER, "head")
CACHED_TAIL: Final = offset_of(HEADER, "cached_tail")
PEEKED_SIZE: Final = offset_of(HEADER, "peeked_size")
CONSUMED_POSITION: Final = offset_of(HEADER, "consumed_position")
CONSUMED_SEQUENCE: Final = offset_of(HEADER, "consumed_sequence")
HORIZON: Final = offset_of(HEADER, "horizon")
ACKNOWLEDGED: Final = offset_of(HEADER, "acknowledged")
CUT_HORIZON: Final = offset_of(HEADER, "cut_horizon")
CUT: Final = offset_of(HEADER, "cut")
PRODUCER_BEATS: Final = offset_of(HEADER, "producer_beats")
CONSUMER_BEATS: Final = offset_of(HEADER, "consumer_beats")
CONSUMER_WAITS: Final = offset_of(HEADER, "consumer_waits")
FIRST_NUMBER: Final = offset_of(HEADER, "first_number")
HOLD: Final = offset_of(HEADER, "hold")
HOLD_FOR: Final = offset_of(HEADER, "hold_for")
APPLIED: Final = offset_of(HEADER, "applied")
DURABLE: Final = offset_of(HEADER, "durable")
TROUBLE: Final = offset_of(HEADER, "trouble")

ENTRY_POSITION: Final = offset_of(ENTRY, "position")
ENTRY_SEQUENCE: Final = offset_of(ENTRY, "sequence")
ENTRY_PC: Final = offset_of(ENTRY, "pc")
ENTRY_CHECKSUM: Final = offset_of(ENTRY, "checksum")


def block_size(capacity_bytes: int) -> int:
    """Bytes of memory that a ring of `capacity_bytes` needs, header included."""
    return HEADER_SIZE + capacity_bytes
