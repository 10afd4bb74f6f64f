"""The core-local interruptor: software and timer interrupts of each hart (SiFive CLINT, as on QEMU's `virt`).

    0x0000 + 4 * hart   msip      bit 0 is the hart's software interrupt
    0x4000 + 8 * hart   mtimecmp  the timer interrupt is due while mtime >= mtimecmp (unsigned)
    0xbff8              mtime     counts the timebase

Accesses are of 4 or 8 bytes, naturally aligned; others read 0 and are ignored. mtime isn't kept here but
passed in: it is the machine's clock, which the log decides. Therefore writes of it are ignored.
"""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Protocol

import numpy as np

from lockstep.machine.memory_map import HARTS_MAX
from lockstep.native import nopython, unsigned_less

MSIP, MTIMECMP, MTIME = 0x0000, 0x4000, 0xBFF8

_MSIP_END, _MTIMECMP_END = MSIP + 4 * HARTS_MAX, MTIMECMP + 8 * HARTS_MAX
_LOW_HALF = 0xFFFF_FFFF

CLINT = np.dtype([("msip", np.int64, (HARTS_MAX,)), ("mtimecmp", np.int64, (HARTS_MAX,))], align=True)


class Clint(Protocol):
    """A CLINT record, as the functions below see it."""

    msip: MutableSequence[int]
    mtimecmp: MutableSequence[int]


@nopython
def clint_reset(clint: Clint) -> None:
    """No software interrupt; no timer set (mtimecmp all ones)."""
    for hart in range(HARTS_MAX):
        clint.msip[hart] = 0
        clint.mtimecmp[hart] = -1


@nopython
def _is_access(offset: int, size: int) -> bool:
    return (size == 4 or size == 8) and offset & (size - 1) == 0


@nopython
def _part(register: int, offset: int, size: int) -> int:
    """What an access of `size` at `offset` sees of the 8-byte `register` there."""
    if size == 8:
        return register
    return (register >> (8 * (offset & 4))) & _LOW_HALF


@nopython
def clint_read(clint: Clint, offset: int, size: int, mtime: int) -> int:
    """Read `size` bytes at `offset` while the time is `mtime`."""
    if not _is_access(offset, size):
        return 0
    if MSIP <= offset < _MSIP_END:
        hart = (offset - MSIP) >> 2
        if size == 8:
            return clint.msip[hart] | (clint.msip[hart + 1] << 32)
        return clint.msip[hart]
    if MTIMECMP <= offset < _MTIMECMP_END:
        return _part(clint.mtimecmp[(offset - MTIMECMP) >> 3], offset, size)
    if MTIME <= offset < MTIME + 8:
        return _part(mtime, offset, size)
    return 0


@nopython
def clint_write(clint: Clint, offset: int, size: int, value: int) -> int:
    """Write `size` bytes of `value` at `offset`; returns a bit mask of harts whose lines may have changed."""
    if not _is_access(offset, size):
        return 0
    if MSIP <= offset < _MSIP_END:
        hart = (offset - MSIP) >> 2
        clint.msip[hart] = value & 1
        if size == 4:
            return 1 << hart
        clint.msip[hart + 1] = (value >> 32) & 1
        return 3 << hart
    if MTIMECMP <= offset < _MTIMECMP_END:
        hart = (offset - MTIMECMP) >> 3
        if size == 8:
            clint.mtimecmp[hart] = value
        else:
            shift = 8 * (offset & 4)
            kept = clint.mtimecmp[hart] & ~(_LOW_HALF << shift)
            clint.mtimecmp[hart] = kept | ((value & _LOW_HALF) << shift)
        return 1 << hart
    return 0


@nopython
def clint_software_interrupt(clint: Clint, hart: int) -> bool:
    """The level of the software interrupt line (MSIP) of `hart`, which must be below HARTS_MAX."""
    return clint.msip[hart] != 0


@nopython
def clint_timer_due(clint: Clint, hart: int, mtime: int) -> bool:
    """The level of the timer interrupt line (MTIP) of `hart`, which must be below HARTS_MAX."""
    return not unsigned_less(mtime, clint.mtimecmp[hart])
