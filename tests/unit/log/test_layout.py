"""The drawing of the format, the record types and the code agree."""

from __future__ import annotations

import ctypes
import itertools

import numpy as np

from lockstep.log import layout
from lockstep.log.entry import CHECK
from lockstep.log.shared import SharedRing

WRITERS = {
    "tail": "producer",
    "cached_head": "producer",
    "appended_position": "producer",
    "appended_sequence": "producer",
    "horizon": "producer",
    "producer_beats": "producer",
    "head": "consumer",
    "cached_tail": "consumer",
    "peeked_size": "consumer",
    "consumed_position": "consumer",
    "consumed_sequence": "consumer",
    "acknowledged": "consumer",
    "consumer_beats": "consumer",
}


def test_words_of_different_writers_are_on_different_lines() -> None:
    assert layout.HEADER.itemsize == layout.HEADER_SIZE
    for left, right in itertools.combinations(WRITERS, 2):
        if WRITERS[left] != WRITERS[right]:
            lines = {layout.offset_of(layout.HEADER, name) // layout.LINE_SIZE for name in (left, right)}
            assert len(lines) == 2, f"{left} and {right} share a line"


def test_the_fields_of_the_header_do_not_overlap() -> None:
    names = layout.HEADER.names
    assert names is not None
    offsets = [layout.offset_of(layout.HEADER, name) for name in names]
    assert len(set(offsets)) == len(offsets)
    assert all(offset % layout.WORD_SIZE == 0 for offset in offsets)


def test_an_entry_in_memory_is_the_record_that_the_layout_declares() -> None:
    with SharedRing.create(1024, 5, 6) as ring:
        ring.append(CHECK, 77, 0x8000_0004, b"abc")
        memory = np.frombuffer(ctypes.string_at(ring.base, ring.size_bytes), np.uint8)
    header = memory[: layout.HEADER_SIZE].view(layout.HEADER)[0]
    assert header["magic"].tobytes() == b"LSTEPlog"
    assert header["version"] == layout.FORMAT_VERSION
    assert (header["capacity_bytes"], header["generation"], header["secondary"]) == (1024, 5, 6)
    assert header["tail"] == layout.ENTRY_SIZE + 8
    entry = memory[layout.HEADER_SIZE :][: layout.ENTRY_SIZE].view(layout.ENTRY)[0]
    assert [int(entry[name]) for name in ("length", "kind", "flags", "position", "sequence", "pc")] == [
        *(3, CHECK, 0, 77, 0, 0x8000_0004)
    ]
    assert memory[layout.HEADER_SIZE + layout.ENTRY_SIZE :][:8].tobytes() == b"abc\0\0\0\0\0"


def test_the_checksum_of_version_1_stays_as_it_is() -> None:
    """A change of the checksum is a change of the format: raise FORMAT_VERSION with it."""
    with SharedRing.create(1024, 5, 6) as ring:
        ring.append(CHECK, 77, 0x8000_0004, bytes(range(50)))
        entry = np.frombuffer(
            ctypes.string_at(ring.base, ring.size_bytes), layout.ENTRY, 1, layout.HEADER_SIZE
        )[0]
    assert (layout.FORMAT_VERSION, int(entry["checksum"])) == (1, -954027031300243016)
