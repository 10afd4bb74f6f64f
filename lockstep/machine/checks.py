"""Checks: digests of registers, devices and some pages of RAM, made on one machine, compared on another.

Both stand at the same natural block start, which they reached in the same way: by a run's limit, or by parking.
A check brings devices up to date first. The next run would do that before anything else, so the guest can't tell.

payload   first page int64, pages int64 | 4 sums int64 | one xxh3-128 per part: each hart's registers, each device

RAM is digested page by page and the pages' digests are added up, each with its number mixed in; a page of zeros
counts nothing. So it doesn't matter which pages this host happens to have touched, and untouched ones cost nothing.
Two sums are of the digests, two of the digests times the page's number: from how the four differ follows which page
it is, if it is one.
"""

from __future__ import annotations

import dataclasses
import os
import struct
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xxhash

from lockstep.machine.access import board_of, control_of, wiring_at
from lockstep.machine.events import advance_devices
from lockstep.machine.memory_map import RAM_BASE
from lockstep.machine.snapshot import hart_bytes
from lockstep.machine.state import BOARD
from lockstep.native import as_pointer, carray, exported, inline, int64, void

if TYPE_CHECKING:
    from lockstep.machine.wire_up import Wires

PAGE_BYTES = 4096
PAGE_WORDS = PAGE_BYTES // 8
_HEADER = struct.Struct("<2q4q")
_DIGEST_BYTES = 16
_DEVICES = ("uart", "plic", "clint", "rtc", "finisher", "virtio", "disks", "network", "entropy")
_INPUT = ("typed_bytes", "typed_at_ns", "wire_head", "wire_tail", "wire")
assert BOARD.names is not None
_SCHEDULE = tuple(name for name in BOARD.names if name not in (*_DEVICES, *_INPUT))
_PARTS = (*((f"device {name}", (name,)) for name in _DEVICES), ("input", _INPUT), ("schedule", _SCHEDULE))
"""What of BOARD is told apart when it differs."""

_PAGEMAP = "/proc/self/pagemap"
_PAGEMAP_BYTES = 8
_PAGES_AT_ONCE = 1 << 16
_PRESENT_OR_SWAPPED_SHIFT = 62
_LOW_HALF = 0xFFFF_FFFF
_MULTIPLIER = 0x1E37_79B9_7F4A_7C15


@dataclasses.dataclass(frozen=True)
class Difference:
    """How two machines that should be one differ."""

    what: str
    expected: str
    actual: str


def make_check(wires: Wires, first_page: int, pages: int) -> bytes:
    """The payload of a check of all registers and devices, and of `pages` pages of RAM from `first_page` on."""
    _bring_up_to_date(wires.first_wiring)
    sums = sum_pages(wires, first_page, pages)
    return _HEADER.pack(first_page, pages, *sums.tolist()) + b"".join(_part_digests(wires))


def compare_check(wires: Wires, payload: bytes) -> Difference | None:
    """How this machine differs from the one that made `payload`; None if it doesn't."""
    first_page, pages, *_ = _HEADER.unpack_from(payload)
    return difference_between(payload, make_check(wires, first_page, pages))


def difference_between(expected_payload: bytes, actual_payload: bytes) -> Difference | None:
    """How two checks of the same pages differ; None if they don't."""
    if expected_payload == actual_payload:
        return None
    expected, actual = _digests_in(expected_payload), _digests_in(actual_payload)
    harts = len(expected) - len(_PARTS)
    names = [f"registers of hart {hart}" for hart in range(harts)] + [name for name, _ in _PARTS]
    found = [
        (name, theirs.hex(), ours.hex())
        for name, theirs, ours in zip(names, expected, actual, strict=True)
        if theirs != ours
    ]
    first_page, pages, *_ = _HEADER.unpack_from(expected_payload)
    theirs, ours = (
        np.array(_HEADER.unpack_from(data)[2:], np.int64) for data in (expected_payload, actual_payload)
    )
    if (theirs != ours).any():
        place = _place(first_page, pages, theirs - ours)
        found.append((place, theirs[:2].tobytes().hex(), ours[:2].tobytes().hex()))
    return Difference(*(", ".join(column) for column in zip(*found, strict=True)))


def sum_pages(wires: Wires, first_page: int, pages: int) -> npt.NDArray[np.int64]:
    """The four sums over `pages` pages of RAM from `first_page` on."""
    sums = np.zeros(4, np.int64)
    end = first_page + pages
    for first in range(first_page, end, _PAGES_AT_ONCE):
        touched = touched_pages(wires, first, min(_PAGES_AT_ONCE, end - first))
        ram, numbers, keys, into = (array.ctypes.data for array in (wires.ram, touched, _KEYS, sums))
        _add_pages(ram, numbers, len(touched), keys, into)
    return sums


def touched_pages(wires: Wires, first_page: int, pages: int) -> npt.NDArray[np.int64]:
    """Numbers of the pages that may hold anything but zeros: those that the kernel has given us, swapped out or not."""
    numbers = np.arange(first_page, first_page + pages, dtype=np.int64)
    start = (wires.ram.ctypes.data // PAGE_BYTES + first_page) * _PAGEMAP_BYTES
    try:
        with open(_PAGEMAP, "rb", buffering=0) as pagemap:
            answer = os.pread(pagemap.fileno(), pages * _PAGEMAP_BYTES, start)
    except OSError:
        answer = b""
    # A page that the answer leaves out is looked at.
    entries = np.frombuffer(answer, np.uint64)
    untouched = entries >> np.uint64(_PRESENT_OR_SWAPPED_SHIFT) == 0
    return np.concatenate((numbers[: len(entries)][~untouched], numbers[len(entries) :]))


@exported(void(int64))
def _bring_up_to_date(first_wiring: int) -> None:
    wiring = wiring_at(first_wiring)
    board = board_of(wiring)
    advance_devices(board, control_of(wiring), board.position)


def _part_digests(wires: Wires) -> list[bytes]:
    board = wires.board[0]
    harts = [xxhash.xxh3_128_digest(hart_bytes(wires, hart)) for hart in range(len(wires.engines))]
    parts = [xxhash.xxh3_128_digest(b"".join(board[name].tobytes() for name in names)) for _, names in _PARTS]
    return harts + parts


def _digests_in(payload: bytes) -> list[bytes]:
    return [payload[at : at + _DIGEST_BYTES] for at in range(_HEADER.size, len(payload), _DIGEST_BYTES)]


def _place(first_page: int, pages: int, difference: npt.NDArray[np.int64]) -> str:
    """The page that accounts for the whole `difference` of the sums, or where to look for several."""
    numbers = np.arange(first_page, first_page + pages, dtype=np.int64)
    fits = (numbers * difference[0] == difference[2]) & (numbers * difference[1] == difference[3])
    (found,) = np.nonzero(fits)
    if len(found) == 1:
        return f"RAM page {RAM_BASE + int(numbers[found[0]]) * PAGE_BYTES:#x}"
    first = RAM_BASE + first_page * PAGE_BYTES
    return f"RAM pages between {first:#x} and {first + pages * PAGE_BYTES:#x}"


# The digest of a page, native. Two keyed sums of 32-bit products over its words (NH, as in UMAC and xxh3), which a
# vectorizing compiler turns into wide multiplications, and the plain sum: a change of one word always shows in that.


def _make_keys(count: int) -> npt.NDArray[np.int64]:
    """Fixed pseudo-random words (splitmix64)."""
    state, keys = 0, []
    for _ in range(count):
        state = (state + 0x9E37_79B9_7F4A_7C15) % 2**64
        word = (state ^ state >> 30) * 0xBF58_476D_1CE4_E5B9 % 2**64
        word = (word ^ word >> 27) * 0x94D0_49BB_1331_11EB % 2**64
        keys.append(word ^ word >> 31)
    return np.array(keys, np.uint64).view(np.int64)


_KEYS = _make_keys(2 * PAGE_WORDS)


@inline
def _mix(word: int) -> int:
    word = (word ^ ((word >> 32) & _LOW_HALF)) * _MULTIPLIER
    return word ^ ((word >> 32) & _LOW_HALF)


@inline
def _product(word: int) -> int:
    return (word & _LOW_HALF) * ((word >> 32) & _LOW_HALF)


@exported(void(int64, int64, int64, int64, int64), releases_gil=True)
def _add_pages(
    ram_address: int, pages_address: int, pages_count: int, keys_address: int, sums_address: int
) -> None:
    """Add the digests of `pages_count` pages, whose numbers are at `pages_address`, to four sums. All are int64."""
    pages = carray(as_pointer(pages_address), pages_count, np.int64)
    keys = carray(as_pointer(keys_address), 2 * PAGE_WORDS, np.int64)
    sums = carray(as_pointer(sums_address), 4, np.int64)
    for page in pages:
        words = carray(as_pointer(ram_address + page * PAGE_BYTES), PAGE_WORDS, np.int64)
        anything, first, second, plain = 0, 0, 0, 0
        for index in range(PAGE_WORDS):
            word = words[index]
            anything |= word
            plain += word
            first += _product(word ^ keys[index])
            second += _product(word ^ keys[PAGE_WORDS + index])
        if anything != 0:
            first = _mix(_mix(first ^ page) + plain)
            second = _mix(_mix(second + page) ^ plain)
            sums[0] += first
            sums[1] += second
            sums[2] += page * first
            sums[3] += page * second
