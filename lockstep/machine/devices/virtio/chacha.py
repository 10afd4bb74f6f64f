"""The ChaCha20 block function (RFC 8439, section 2.3), with a nonce of zeros. Words are 32 bits in int64."""

from __future__ import annotations

from typing import Any

from lockstep.log.words import store_word
from lockstep.native import inline, nopython

BLOCK_BYTES, KEY_WORDS = 64, 8

_C0, _C1, _C2, _C3 = 0x61707865, 0x3320646E, 0x79622D32, 0x6B206574
"""`expand 32-byte k`."""
_WORD = 0xFFFF_FFFF


@inline
def _rotate(word: int, count: int) -> int:
    return ((word << count) | (word >> (32 - count))) & _WORD


@inline
def quarter_round(a: int, b: int, c: int, d: int) -> tuple[int, int, int, int]:
    """Section 2.1."""
    a = (a + b) & _WORD
    d = _rotate(d ^ a, 16)
    c = (c + d) & _WORD
    b = _rotate(b ^ c, 12)
    a = (a + b) & _WORD
    d = _rotate(d ^ a, 8)
    c = (c + d) & _WORD
    b = _rotate(b ^ c, 7)
    return a, b, c, d


@inline
def _store_two(address: int, low: int, high: int) -> None:
    store_word(address, (low & _WORD) | (high & _WORD) << 32)


@nopython
def chacha_block(key: Any, counter: int, nonce: tuple[int, int, int], address: int) -> None:
    """Store the block of 64 bytes number `counter` (below 2**32) at host address `address`. `key` holds 8 words."""
    k0, k1, k2, k3 = key[0], key[1], key[2], key[3]
    k4, k5, k6, k7 = key[4], key[5], key[6], key[7]
    n0, n1, n2 = nonce
    a0, a1, a2, a3 = _C0, _C1, _C2, _C3
    b0, b1, b2, b3 = k0, k1, k2, k3
    c0, c1, c2, c3 = k4, k5, k6, k7
    d0, d1, d2, d3 = counter, n0, n1, n2
    for _ in range(10):
        a0, b0, c0, d0 = quarter_round(a0, b0, c0, d0)
        a1, b1, c1, d1 = quarter_round(a1, b1, c1, d1)
        a2, b2, c2, d2 = quarter_round(a2, b2, c2, d2)
        a3, b3, c3, d3 = quarter_round(a3, b3, c3, d3)
        a0, b1, c2, d3 = quarter_round(a0, b1, c2, d3)
        a1, b2, c3, d0 = quarter_round(a1, b2, c3, d0)
        a2, b3, c0, d1 = quarter_round(a2, b3, c0, d1)
        a3, b0, c1, d2 = quarter_round(a3, b0, c1, d2)
    _store_two(address, a0 + _C0, a1 + _C1)
    _store_two(address + 8, a2 + _C2, a3 + _C3)
    _store_two(address + 16, b0 + k0, b1 + k1)
    _store_two(address + 24, b2 + k2, b3 + k3)
    _store_two(address + 32, c0 + k4, c1 + k5)
    _store_two(address + 40, c2 + k6, c3 + k7)
    _store_two(address + 48, d0 + counter, d1 + n0)
    _store_two(address + 56, d2 + n1, d3 + n2)
