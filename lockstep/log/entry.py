"""Kinds of entries, nopython access to the fields of one, and entries as Python objects.

An address of an entry is what `ring_peek` returns; it is good until `ring_pop`.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Final

from lockstep.log.errors import raise_if_error
from lockstep.log.layout import ENTRY_PC, ENTRY_POSITION, ENTRY_SEQUENCE, ENTRY_SIZE
from lockstep.log.ring import ring_peek, ring_pop
from lockstep.log.words import load_word
from lockstep.native import inline, nopython

INPUT: Final = 1
CLOCK: Final = 2
CHECK: Final = 3
SNAPSHOT: Final = 4

KIND_NAMES: Final = {INPUT: "input", CLOCK: "clock", CHECK: "check", SNAPSHOT: "snapshot"}


@inline
def entry_length(entry: int) -> int:
    """Bytes of payload."""
    return load_word(entry) & 0xFFFF_FFFF


@inline
def entry_kind(entry: int) -> int:
    """INPUT, CLOCK, ..."""
    return (load_word(entry) >> 32) & 0xFFFF


@inline
def entry_position(entry: int) -> int:
    """The position at which it takes effect."""
    return load_word(entry + ENTRY_POSITION)


@inline
def entry_sequence(entry: int) -> int:
    """Its number in this ring, from 0."""
    return load_word(entry + ENTRY_SEQUENCE)


@inline
def entry_pc(entry: int) -> int:
    """The program counter that the machine must have at the position."""
    return load_word(entry + ENTRY_PC)


@inline
def entry_payload(entry: int) -> int:
    """The address of its payload, 8-byte aligned and in one piece."""
    return entry + ENTRY_SIZE


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log, copied out of the ring."""

    kind: int
    position: int
    sequence: int
    pc: int
    payload: bytes = b""


@nopython
def _fields(entry: int) -> tuple[int, int, int, int, int]:
    return (
        entry_kind(entry),
        entry_position(entry),
        entry_sequence(entry),
        entry_pc(entry),
        entry_length(entry),
    )


def copy_entry(address: int) -> Entry:
    """The entry at `address` (from `ring_peek`) as an object of its own."""
    kind, position, sequence, pc, length = _fields(address)
    return Entry(kind, position, sequence, pc, ctypes.string_at(address + ENTRY_SIZE, length))


def read_entries(base: int) -> list[Entry]:
    """Consume all entries that are there. Raises a `LogError` at the first one that is refused."""
    entries = []
    while address := raise_if_error(ring_peek(base)):
        entries.append(copy_entry(address))
        ring_pop(base)
    return entries
