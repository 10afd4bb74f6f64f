"""Records and memory by address: how nopython code gets from a callback's pointer to what it needs.

Records are typed `Any`: mypy can't see into NumPy records; their fields are those of the dtypes in `state`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from lockstep.machine.engine.layout import ENV
from lockstep.machine.state import BOARD, CONTROL, TRANSLATION, WIRING
from lockstep.native import as_pointer, carray, inline, int64

Board: TypeAlias = Any
Control: TypeAlias = Any
Wiring: TypeAlias = Any
Env: TypeAlias = Any

_WIRING_BYTES = WIRING.itemsize
_TRANSLATION_BYTES = TRANSLATION.itemsize


@inline
def wiring_at(address: int) -> Wiring:
    """The WIRING record at `address`."""
    return carray(as_pointer(address), 1, WIRING)[0]


@inline
def board_of(wiring: Wiring) -> Board:
    """The BOARD that a hart sits on."""
    return carray(as_pointer(wiring.board), 1, BOARD)[0]


@inline
def control_of(wiring: Wiring) -> Control:
    """The CONTROL record of a hart's machine."""
    return carray(as_pointer(wiring.control), 1, CONTROL)[0]


@inline
def env_of(wiring: Wiring) -> Env:
    """The registers of a hart."""
    return carray(as_pointer(wiring.env), 1, ENV)[0]


@inline
def wiring_of_hart(control: Control, hart: int) -> Wiring:
    """The WIRING of another hart of the same machine."""
    return carray(as_pointer(control.wirings_address + hart * _WIRING_BYTES), 1, WIRING)[0]


@inline
def translation_at(wiring: Wiring, slot: int) -> Any:
    """Slot number `slot` of a hart's translation table."""
    return carray(as_pointer(wiring.translations_address + slot * _TRANSLATION_BYTES), 1, TRANSLATION)[0]


@inline
def load_word(address: int) -> int:
    """The int64 at host address `address`."""
    return carray(as_pointer(address), 1, np.int64)[0]


@inline
def store_word(address: int, value: int) -> None:
    """Store int64 `value` at host address `address`."""
    carray(as_pointer(address), 1, np.int64)[0] = value


@inline
def load_half(address: int) -> int:
    """The zero-extended 16 bits at host address `address`."""
    return int64(carray(as_pointer(address), 1, np.uint16)[0])


@inline
def store_half(address: int, value: int) -> None:
    """Store the low 16 bits of `value` at host address `address`."""
    carray(as_pointer(address), 1, np.uint16)[0] = value


@inline
def load_unsigned(address: int) -> int:
    """The zero-extended 32 bits at host address `address`."""
    return int64(carray(as_pointer(address), 1, np.uint32)[0])


@inline
def load_flags(address: int) -> int:
    """The int32 at host address `address`."""
    return int64(carray(as_pointer(address), 1, np.int32)[0])


@inline
def store_flags(address: int, value: int) -> None:
    """Store `value` as int32 at host address `address`."""
    carray(as_pointer(address), 1, np.int32)[0] = value


@inline
def store_byte(address: int, value: int) -> None:
    """Store the low byte of `value` at host address `address`."""
    carray(as_pointer(address), 1, np.uint8)[0] = value


@inline
def load_byte(address: int) -> int:
    """The byte at host address `address`."""
    return int64(carray(as_pointer(address), 1, np.uint8)[0])
