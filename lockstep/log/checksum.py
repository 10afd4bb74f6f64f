"""The checksum of an entry: four lanes of multiply and xor over its 64-bit words.

Every step is a bijection of the lane, and of the word that enters it; the lanes are folded the same way.
So a change within one aligned word, of any number of its bits, is always detected. Changes in several words
pass with a probability of about 2**-64. It guards against accidents, not against an adversary.
Four lanes, because one would wait for each multiplication before the next.
"""

from __future__ import annotations

from lockstep.log.layout import ENTRY_PC, ENTRY_POSITION, ENTRY_SEQUENCE, ENTRY_SIZE, WORD_SIZE
from lockstep.log.words import load_word
from lockstep.native import inline

_MULTIPLIER = 0x1E37_79B9_7F4A_7C15
_SEEDS = (0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344, 0x2409_3822_299F_31D0, 0x082E_FA98_EC4E_6C89)
_SEED_A, _SEED_B, _SEED_C, _SEED_D = _SEEDS
_LOW_HALF = 0xFFFF_FFFF
_BLOCK_SIZE = 4 * WORD_SIZE


@inline
def _mix(lane: int) -> int:
    product = lane * _MULTIPLIER
    return product ^ ((product >> 32) & _LOW_HALF)


@inline
def entry_checksum(entry: int, size: int) -> int:
    """The checksum of the entry at address `entry`, `size` bytes with header and padding."""
    a = _mix(_SEED_A ^ load_word(entry))
    b = _mix(_SEED_B ^ load_word(entry + ENTRY_POSITION))
    c = _mix(_SEED_C ^ load_word(entry + ENTRY_SEQUENCE))
    d = _mix(_SEED_D ^ load_word(entry + ENTRY_PC))
    at = entry + ENTRY_SIZE
    end = entry + size
    while at + _BLOCK_SIZE <= end:
        a = _mix(a ^ load_word(at))
        b = _mix(b ^ load_word(at + WORD_SIZE))
        c = _mix(c ^ load_word(at + 2 * WORD_SIZE))
        d = _mix(d ^ load_word(at + 3 * WORD_SIZE))
        at += _BLOCK_SIZE
    while at < end:
        a = _mix(a ^ load_word(at))
        at += WORD_SIZE
    return _mix(_mix(_mix(a ^ 1) ^ b) ^ c) ^ d
