from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lockstep.machine.devices.clint import (
    CLINT,
    MSIP,
    MTIME,
    MTIMECMP,
    clint_read,
    clint_reset,
    clint_software_interrupt,
    clint_timer_due,
    clint_write,
)
from lockstep.machine.memory_map import HARTS_MAX


@pytest.fixture
def clint() -> Any:
    record = np.zeros(1, CLINT)[0]
    clint_reset(record)
    return record


def test_after_reset_no_interrupt_is_due(clint: Any) -> None:
    for hart in range(HARTS_MAX):
        assert not clint_software_interrupt(clint, hart)
        assert not clint_timer_due(clint, hart, 2**63 - 1)
        assert clint_read(clint, MTIMECMP + 8 * hart, 8, 0) == -1


def test_msip_keeps_bit_0_and_names_its_hart(clint: Any) -> None:
    assert clint_write(clint, MSIP + 4 * 3, 4, 0xFFFF_FFFF) == 1 << 3
    assert clint_read(clint, MSIP + 4 * 3, 4, 0) == 1
    assert [clint_software_interrupt(clint, hart) for hart in range(HARTS_MAX)] == [
        hart == 3 for hart in range(HARTS_MAX)
    ]
    clint_write(clint, MSIP + 4 * 3, 4, 0xFFFF_FFFE)
    assert not clint_software_interrupt(clint, 3)


def test_eight_bytes_of_msip_are_two_harts(clint: Any) -> None:
    assert clint_write(clint, MSIP + 4 * 6, 8, 1 << 32) == 1 << 6 | 1 << 7
    assert clint_read(clint, MSIP + 4 * 6, 8, 0) == 1 << 32
    assert not clint_software_interrupt(clint, 6)
    assert clint_software_interrupt(clint, 7)


def test_timer_is_due_from_mtimecmp_on(clint: Any) -> None:
    assert clint_write(clint, MTIMECMP + 8, 8, 1000) == 1 << 1
    assert [clint_timer_due(clint, 1, mtime) for mtime in (0, 999, 1000, 1001)] == [False, False, True, True]
    assert not clint_timer_due(clint, 0, 1000)


def test_timer_compares_unsigned(clint: Any) -> None:
    clint_write(clint, MTIMECMP, 8, -2)  # 2**64 - 2
    assert not clint_timer_due(clint, 0, 1)
    assert clint_timer_due(clint, 0, -1)
    clint_write(clint, MTIMECMP, 8, 5)
    assert clint_timer_due(clint, 0, -(2**63))


def test_halves_of_mtimecmp(clint: Any) -> None:
    assert clint_write(clint, MTIMECMP + 8 * 2, 4, 0x89AB_CDEF) == 1 << 2
    assert clint_read(clint, MTIMECMP + 8 * 2, 8, 0) == 0xFFFF_FFFF_89AB_CDEF - 2**64
    assert clint_write(clint, MTIMECMP + 8 * 2 + 4, 4, 0x0123_4567) == 1 << 2
    assert clint_read(clint, MTIMECMP + 8 * 2, 8, 0) == 0x0123_4567_89AB_CDEF
    assert clint_read(clint, MTIMECMP + 8 * 2, 4, 0) == 0x89AB_CDEF
    assert clint_read(clint, MTIMECMP + 8 * 2 + 4, 4, 0) == 0x0123_4567


def test_mtime_reads_what_is_passed_in(clint: Any) -> None:
    mtime = 0xFEDC_BA98_7654_3210 - 2**64
    assert clint_read(clint, MTIME, 8, mtime) == mtime
    assert clint_read(clint, MTIME, 4, mtime) == 0x7654_3210
    assert clint_read(clint, MTIME + 4, 4, mtime) == 0xFEDC_BA98


def test_writes_of_mtime_are_ignored(clint: Any) -> None:
    before = clint.tobytes()
    assert clint_write(clint, MTIME, 8, 12345) == 0
    assert clint_write(clint, MTIME + 4, 4, 12345) == 0
    assert clint.tobytes() == before


@pytest.mark.parametrize(
    ("offset", "size"),
    [
        (MSIP, 1),
        (MSIP, 2),
        (MSIP + 2, 4),
        (MSIP + 4, 8),
        (MSIP + 4 * HARTS_MAX, 4),
        (MTIMECMP + 4, 8),
        (MTIMECMP + 8 * HARTS_MAX, 8),
        (MTIME, 2),
        (MTIME + 8, 4),
        (-4, 4),
        (-8, 8),
    ],
)
def test_other_accesses_read_0_and_are_ignored(clint: Any, offset: int, size: int) -> None:
    before = clint.tobytes()
    assert clint_write(clint, offset, size, -1) == 0
    assert clint.tobytes() == before
    assert clint_read(clint, offset, size, -1) == 0
