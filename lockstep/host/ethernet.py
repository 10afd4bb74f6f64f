"""Ethernet frames between rings and a stream of bytes, where each has its length ahead; many in one native call."""

from __future__ import annotations

import ctypes
import functools

from lockstep.log.entry import FRAME, entry_length, entry_payload, entry_position
from lockstep.log.layout import CONSUMED_SEQUENCE, FIRST_NUMBER
from lockstep.log.ring import ring_append, ring_horizon, ring_peek, ring_pop
from lockstep.log.words import load_byte, load_word, store_byte
from lockstep.native import exported, int64, load_acquire
from lockstep.native_calls import call_void

LENGTH_BYTES = 4
FRAME_BYTES_MIN = 14
FRAME_BYTES_MAX = 65534
"""Out: what passt takes."""
INBOUND_BYTES_MAX = 65550
NONSENSE = -1000
_FULL = -1


@functools.cache
def memmove_address() -> int:
    """libc's, for the calls below."""
    return ctypes.cast(ctypes.CDLL(None).memmove, ctypes.c_void_p).value or 0


@exported(int64(int64, int64, int64, int64, int64), releases_gil=True)
def take_frames(ring: int, below: int, into: int, room: int, memmove: int) -> int:
    """Take frames that may leave, numbered below `below`, from an output ring to the `room` bytes at address `into`.

    Stops before one for which there is no room. What is no frame is dropped. Returns how many bytes were written, or
    what the ring refuses its next entry with.
    """
    horizon = ring_horizon(ring)
    first = load_acquire(ring + FIRST_NUMBER) - 1
    used = 0
    while first >= 0 and first + load_word(ring + CONSUMED_SEQUENCE) < below:
        entry = ring_peek(ring)
        if entry < 0:
            return entry
        if entry == 0 or entry_position(entry) > horizon:
            break
        length = entry_length(entry)
        if FRAME_BYTES_MIN <= length <= FRAME_BYTES_MAX:
            if used + LENGTH_BYTES + length > room:
                break
            for index in range(LENGTH_BYTES):
                store_byte(into + used + index, length >> (8 * (LENGTH_BYTES - 1 - index)))
            call_void(memmove, (into + used + LENGTH_BYTES, entry_payload(entry), length))
            used += LENGTH_BYTES + length
        ring_pop(ring)
    return used


@exported(int64(int64, int64, int64), releases_gil=True)
def give_frames(ring: int, address: int, length: int) -> int:
    """Append the whole frames in the `length` bytes at `address` to an inbound ring, as far as there is room.

    Returns how many bytes were used, or NONSENSE if a length is none of a frame.
    """
    used = 0
    while used + LENGTH_BYTES <= length:
        size = 0
        for index in range(LENGTH_BYTES):
            size = size << 8 | load_byte(address + used + index)
        if size > INBOUND_BYTES_MAX:
            return NONSENSE
        if used + LENGTH_BYTES + size > length:
            break
        if (
            size >= FRAME_BYTES_MIN
            and ring_append(ring, FRAME, 0, 0, address + used + LENGTH_BYTES, size) == _FULL
        ):
            break
        used += LENGTH_BYTES + size
    return used
