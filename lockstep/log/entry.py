"""Kinds of entries, nopython access to the fields of one, and entries as Python objects.

An address of an entry is what `ring_peek` returns; it is good until `ring_pop`.
"""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass
from typing import Final

from lockstep.log.layout import ENTRY_PC, ENTRY_POSITION, ENTRY_SEQUENCE, ENTRY_SIZE
from lockstep.log.words import load_word
from lockstep.native import inline

INPUT: Final = 1
CLOCK: Final = 2
CHECK: Final = 3
SNAPSHOT: Final = 4
END: Final = 5
DISK: Final = 6
FRAME: Final = 7
ENTROPY: Final = 8

KIND_NAMES: Final = {
    INPUT: "input",
    CLOCK: "clock",
    CHECK: "check",
    SNAPSHOT: "snapshot",
    END: "end",
    DISK: "disk",
    FRAME: "frame",
    ENTROPY: "entropy",
}


_LENGTH = 0xFFFF_FFFF
_KIND_SHIFT, _KIND = 32, 0xFFFF
_UNSIGNED, _SIGNED = struct.Struct("<Q"), struct.Struct("<q")


@inline
def entry_length(entry: int) -> int:
    """Bytes of payload."""
    return load_word(entry) & _LENGTH


@inline
def entry_kind(entry: int) -> int:
    """INPUT, CLOCK, ..."""
    return (load_word(entry) >> _KIND_SHIFT) & _KIND


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


def copy_entry(address: int) -> Entry:
    """The entry at `address` (from `ring_peek`) as an object of its own."""
    raw = ctypes.string_at(address, ENTRY_SIZE)
    (head,) = _UNSIGNED.unpack_from(raw)
    position, sequence, pc = (
        _SIGNED.unpack_from(raw, offset)[0] for offset in (ENTRY_POSITION, ENTRY_SEQUENCE, ENTRY_PC)
    )
    payload = ctypes.string_at(address + ENTRY_SIZE, head & _LENGTH)
    return Entry(head >> _KIND_SHIFT & _KIND, position, sequence, pc, payload)
