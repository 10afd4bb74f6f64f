"""What a machine sees of a disk: the file behind it, and over that the blocks that the machine itself wrote.

The file lags behind the machine: what is written goes there as output, later. A block that isn't in the overlay was
either never written, or its last write is in the file already, and nobody's later write can be (`ft.device_output`).
All functions return 0, or READ_FAILED if the file can't be read. Offsets and lengths are bytes, multiples of 512,
within the disk; addresses are host addresses.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lockstep.machine.access import Control, load_word, store_word
from lockstep.native import as_pointer, carray, inline, nopython
from lockstep.native_calls import call_int32, call_int64, call_void

BLOCK_SHIFT = 12
BLOCK_BYTES = 1 << BLOCK_SHIFT
CHUNK_SHIFT = 21
"""Chunks of this size are forgotten as a whole."""
CHUNK_BLOCKS = 1 << (CHUNK_SHIFT - BLOCK_SHIFT)
READ_FAILED = -1
FORGET_ABOVE_BLOCKS = (64 << 20) >> BLOCK_SHIFT
_MADV_DONTNEED = 4

VIEW = np.dtype(
    [
        ("file", np.int64),  # descriptor
        ("bytes", np.int64),
        ("overlay", np.int64),  # address of memory as large as the disk
        ("versions", np.int64),  # address of an int64 per block
        ("chunk_versions", np.int64),  # address of an int64 per chunk
        ("written_blocks", np.int64),  # in the overlay
        (
            "forget_above",
            np.int64,
        ),  # how many of them there may be before those that the file has are forgotten
    ],
    align=True,
)
"""A version is 0: not in the overlay; else twice (1 + the number of its last output), plus 1 if it is all zeros."""

_VIEW_BYTES = VIEW.itemsize


@inline
def view_of(control: Control, disk: int) -> Any:
    """The VIEW record of `disk`."""
    return carray(as_pointer(control.views_address + disk * _VIEW_BYTES), 1, VIEW)[0]


@inline
def _version_at(view: Any, offset: int) -> int:
    return view.versions + (offset >> BLOCK_SHIFT) * 8


@nopython
def _read_file(control: Control, view: Any, offset: int, address: int, length: int) -> int:
    while length > 0:
        count = call_int64(control.libc_pread, (view.file, address, length, offset))
        if count <= 0:
            return READ_FAILED
        offset, address, length = offset + count, address + count, length - count
    return 0


@nopython
def view_read(control: Control, disk: int, offset: int, address: int, length: int) -> int:
    """Copy what is on the disk to `address`."""
    view = view_of(control, disk)
    end = offset + length
    while offset < end:
        version = load_word(_version_at(view, offset))
        until = min(end, (offset | (BLOCK_BYTES - 1)) + 1)
        if version == 0:
            while until < end and load_word(_version_at(view, until)) == 0:
                until = min(end, until + BLOCK_BYTES)
            if _read_file(control, view, offset, address, until - offset) != 0:
                return READ_FAILED
        elif version & 1:
            call_void(control.libc_memset, (address, 0, until - offset))
        else:
            call_void(control.libc_memmove, (address, view.overlay + offset, until - offset))
        address += until - offset
        offset = until
    return 0


@nopython
def _make_whole(control: Control, view: Any, offset: int) -> int:
    """Before a part of the block at `offset` is written: have the rest of it in the overlay."""
    block = offset & -BLOCK_BYTES
    length = min(BLOCK_BYTES, view.bytes - block)
    version = load_word(_version_at(view, offset))
    if version == 0:
        return _read_file(control, view, block, view.overlay + block, length)
    if version & 1:
        call_void(control.libc_memset, (view.overlay + block, 0, length))
    return 0


@nopython
def _mark(view: Any, offset: int, end: int, version: int) -> None:
    at = offset & -BLOCK_BYTES
    while at < end:
        place = _version_at(view, at)
        if load_word(place) == 0:
            view.written_blocks += 1
        store_word(place, version)
        store_word(view.chunk_versions + (at >> CHUNK_SHIFT) * 8, version)
        at += BLOCK_BYTES


@nopython
def _is_part(view: Any, offset: int, end: int) -> bool:
    """Whether the block at `offset` is written in part only, up to `end` at most."""
    block_end = min((offset | (BLOCK_BYTES - 1)) + 1, view.bytes)
    return offset & (BLOCK_BYTES - 1) != 0 or end < block_end


@nopython
def _prepare(control: Control, view: Any, offset: int, end: int) -> int:
    if _is_part(view, offset, end) and _make_whole(control, view, offset) != 0:
        return READ_FAILED
    last = (end - 1) & -BLOCK_BYTES
    if last > offset and _is_part(view, last, end) and _make_whole(control, view, last) != 0:
        return READ_FAILED
    return 0


@nopython
def view_hold(control: Control, disk: int, number: int, offset: int) -> int:
    """Before output `number` writes a part of the block at `offset`: have all of it in the overlay.

    Writes to the block from `number` on then can't fail. That it is there changes nothing else.
    """
    view = view_of(control, disk)
    if load_word(_version_at(view, offset)) == 0:
        if _make_whole(control, view, offset) != 0:
            return READ_FAILED
        _mark(view, offset, (offset & -BLOCK_BYTES) + 1, (number + 1) << 1)
    return 0


@nopython
def view_write(control: Control, disk: int, number: int, offset: int, address: int, length: int) -> int:
    """Write what is at `address`; `number` is the one of this output."""
    view = view_of(control, disk)
    if _prepare(control, view, offset, offset + length) != 0:
        return READ_FAILED
    call_void(control.libc_memmove, (view.overlay + offset, address, length))
    _mark(view, offset, offset + length, (number + 1) << 1)
    return 0


@nopython
def view_zero(control: Control, disk: int, number: int, offset: int, length: int) -> int:
    """Write zeros; `number` is the one of this output."""
    view = view_of(control, disk)
    end = offset + length
    if _prepare(control, view, offset, end) != 0:
        return READ_FAILED
    while offset < end:
        until = min(end, (offset | (BLOCK_BYTES - 1)) + 1)
        version = (number + 1) << 1
        if _is_part(view, offset, end):
            call_void(control.libc_memset, (view.overlay + offset, 0, until - offset))
        else:
            version |= 1
        _mark(view, offset, until, version)
        offset = until
    return 0


@nopython
def _forget_chunk(control: Control, view: Any, chunk: int) -> None:
    first = chunk * CHUNK_BLOCKS
    end = min(first + CHUNK_BLOCKS, (view.bytes + BLOCK_BYTES - 1) >> BLOCK_SHIFT)
    for block in range(first, end):
        place = view.versions + 8 * block
        if load_word(place) != 0:
            store_word(place, 0)
            view.written_blocks -= 1
    length = (end - first) << BLOCK_SHIFT
    call_int32(control.libc_madvise, (view.overlay + (chunk << CHUNK_SHIFT), length, _MADV_DONTNEED))


@nopython
def forget_applied(control: Control, disk: int, applied: int) -> None:
    """Of a disk whose overlay has grown large: forget what the file has, which is all outputs before `applied`.

    It changes nothing that the machine sees, so it may happen at any time.
    """
    view = view_of(control, disk)
    if view.written_blocks <= view.forget_above:
        return
    for chunk in range((view.bytes >> CHUNK_SHIFT) + 1):
        place = view.chunk_versions + 8 * chunk
        version = load_word(place)
        if version != 0 and version >> 1 <= applied:
            _forget_chunk(control, view, chunk)
            store_word(place, 0)
    # Where little could be forgotten, looking again soon would be in vain.
    view.forget_above = max(FORGET_ABOVE_BLOCKS, 2 * view.written_blocks)
