"""Numbers of few bytes: seven bits each, the lowest first, the eighth bit says that more follow (LEB128).

Words are unsigned here; `zigzag` makes small unsigned ones of signed ones that lie near 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lockstep.log.words import load_byte, load_word, store_byte, store_word
from lockstep.native import exported, int64

VARINT_BYTES_MAX = 10
_SEVEN_BITS, _MORE = 0x7F, 0x80
_REST = (1 << 57) - 1

Words = npt.NDArray[np.int64]


class BadVarintsError(ValueError):
    """The bytes end before the numbers do, or a number has more than 64 bits."""


@exported(int64(int64, int64, int64), releases_gil=True)
def _pack(words: int, count: int, into: int) -> int:
    """Write `count` words; the address behind them."""
    for index in range(count):
        word = load_word(words + 8 * index)
        while word & ~_SEVEN_BITS != 0:
            store_byte(into, (word & _SEVEN_BITS) | _MORE)
            into += 1
            word = (word >> 7) & _REST
        store_byte(into, word)
        into += 1
    return into


@exported(int64(int64, int64, int64, int64), releases_gil=True)
def _unpack(at: int, end: int, words: int, count: int) -> int:
    """Read `count` words from the bytes at `at`; the address behind them, or -1."""
    for index in range(count):
        word, shift, more = 0, 0, 1
        while more != 0:
            if at >= end or shift > 63:
                return -1
            byte = load_byte(at)
            if shift == 63 and byte > 1:
                return -1
            word |= (byte & _SEVEN_BITS) << shift
            more = byte & _MORE
            shift += 7
            at += 1
        store_word(words + 8 * index, word)
    return at


def pack(words: Words) -> bytes:
    """`words` (int64[n]) as bytes."""
    words = np.ascontiguousarray(words)
    packed = np.empty(VARINT_BYTES_MAX * len(words), np.uint8)
    end = _pack(words.ctypes.data, len(words), packed.ctypes.data)
    return packed[: end - packed.ctypes.data].tobytes()


class Unpacker:
    """Reads numbers off the front of some bytes."""

    def __init__(self, data: bytes) -> None:
        """Stand at the start of `data`."""
        self._data = np.frombuffer(data, np.uint8)
        self._at = 0

    def words(self, count: int) -> Words:
        """The next `count` numbers, int64[count]. BadVarintsError if there aren't as many."""
        if not 0 <= count <= len(self._data) - self._at:
            raise BadVarintsError
        words = np.empty(count, np.int64)
        start = self._data.ctypes.data
        end = _unpack(start + self._at, start + len(self._data), words.ctypes.data, count)
        if end < 0:
            raise BadVarintsError
        self._at = end - start
        return words

    def rest(self) -> npt.NDArray[np.uint8]:
        """All bytes that are left."""
        return self._data[self._at :]


def zigzag(words: Words) -> Words:
    """0, -1, 1, -2, ... become 0, 1, 2, 3, ..."""
    return (words << 1) ^ (words >> 63)


def unzigzag(words: Words) -> Words:
    """The inverse of `zigzag`."""
    return ((words >> 1) & np.int64((1 << 63) - 1)) ^ -(words & 1)
