"""A digest of all that a machine has written to a disk, in order: machines that wrote something else differ in it.

Four lanes of multiply and xor over 64-bit words, as in the log's checksum.
"""

from __future__ import annotations

from lockstep.log.words import load_byte, load_word
from lockstep.native import inline, nopython

_MULTIPLIER = 0x1E37_79B9_7F4A_7C15
_LOW_HALF = 0xFFFF_FFFF
_STRIDE = 32


@inline
def _mix(lane: int) -> int:
    product = lane * _MULTIPLIER
    return product ^ ((product >> 32) & _LOW_HALF)


@nopython
def digest_output(digest: int, operation: int, offset: int, address: int, length: int, stored: int) -> int:
    """The digest after an output for `length` bytes from `offset` on; `stored` bytes of data are at `address`."""
    a, b, c, d = _mix(digest ^ 1), _mix(digest ^ operation), _mix(digest ^ offset), _mix(digest ^ length)
    end = address + stored
    while address + _STRIDE <= end:
        a = _mix(a ^ load_word(address))
        b = _mix(b ^ load_word(address + 8))
        c = _mix(c ^ load_word(address + 16))
        d = _mix(d ^ load_word(address + 24))
        address += _STRIDE
    while address < end:
        a = _mix(a ^ load_byte(address))
        address += 1
    return _mix(_mix(_mix(a ^ 1) ^ b) ^ c) ^ d
