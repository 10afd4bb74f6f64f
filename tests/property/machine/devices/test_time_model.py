"""The CLINT's and the clock's registers against plain byte arrays and unbounded integers."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.machine.devices.clint import CLINT, clint_read, clint_reset, clint_timer_due, clint_write
from lockstep.machine.devices.rtc import (
    NEVER_NS,
    RTC,
    rtc_alarm_ns,
    rtc_interrupt,
    rtc_read,
    rtc_reset,
    rtc_tick,
    rtc_write,
)

TIMES_NS = st.integers(0, 2**62)
UNSIGNED = st.one_of(
    st.integers(0, 2**64 - 1), st.integers(0, 100), st.sampled_from([2**63 - 1, 2**63, 2**64 - 1])
)


def signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


@settings(deadline=None, max_examples=200)
@given(
    writes=st.lists(st.tuples(st.integers(0, 15), st.sampled_from([4, 8]), UNSIGNED), max_size=20),
    mtime=UNSIGNED,
)
def test_mtimecmp_is_memory_compared_unsigned(writes: list[tuple[int, int, int]], mtime: int) -> None:
    clint = np.zeros(1, CLINT)[0]
    clint_reset(clint)
    memory = bytearray(b"\xff" * 64)
    for word, size, value in writes:
        offset = 4 * word // size * size
        assert clint_write(clint, 0x4000 + offset, size, signed(value)) == 1 << offset // 8
        memory[offset : offset + size] = (value % 2 ** (8 * size)).to_bytes(size, "little")
    for size in (4, 8):
        for offset in range(0, 64, size):
            expected = int.from_bytes(memory[offset : offset + size], "little")
            assert clint_read(clint, 0x4000 + offset, size, 0) & (2 ** (8 * size) - 1) == expected
    for hart in range(8):
        mtimecmp = int.from_bytes(memory[8 * hart : 8 * hart + 8], "little")
        assert clint_timer_due(clint, hart, signed(mtime)) == (mtime >= mtimecmp), (mtime, mtimecmp)


@settings(deadline=None, max_examples=200)
@given(set_ns=TIMES_NS, time=UNSIGNED, read_ns=TIMES_NS)
def test_the_clock_runs_on_from_what_was_set(set_ns: int, time: int, read_ns: int) -> None:
    rtc = np.zeros(1, RTC)[0]
    rtc_reset(rtc)
    rtc_write(rtc, 0x04, time >> 32, set_ns)
    rtc_write(rtc, 0x00, time & 0xFFFF_FFFF, set_ns)
    low = rtc_read(rtc, 0x00, read_ns)
    assert rtc_read(rtc, 0x04, 0) << 32 | low == (time + read_ns - set_ns) % 2**64


@settings(deadline=None, max_examples=300)
@given(
    start_ns=TIMES_NS,
    time=st.one_of(st.none(), UNSIGNED),
    ahead_ns=st.one_of(st.integers(-100, 100), st.integers(-(2**63), 2**63)),
)
def test_the_alarm_fires_when_the_guest_time_gets_there(
    start_ns: int, time: int | None, ahead_ns: int
) -> None:
    rtc = np.zeros(1, RTC)[0]
    rtc_reset(rtc)
    if time is None:
        time = start_ns
    else:
        rtc_write(rtc, 0x04, time >> 32, start_ns)
        rtc_write(rtc, 0x00, time & 0xFFFF_FFFF, start_ns)
    alarm = (time + ahead_ns) % 2**64
    rtc_write(rtc, 0x10, 1, start_ns)
    rtc_write(rtc, 0x0C, alarm >> 32, start_ns)
    # ALARM_LOW arms with the whole alarm known: nothing fires before.
    assert not rtc_interrupt(rtc)
    rtc_write(rtc, 0x08, alarm & 0xFFFF_FFFF, start_ns)
    due_ns = start_ns + max(alarm - time, 0)
    if alarm <= time:
        assert rtc_interrupt(rtc)
        assert rtc_alarm_ns(rtc) == NEVER_NS
        return
    assert rtc_alarm_ns(rtc) == min(due_ns, NEVER_NS)
    assert not rtc_interrupt(rtc)
    assert rtc_tick(rtc, min(due_ns, NEVER_NS) - 1) == 0
    if due_ns < NEVER_NS:
        assert rtc_tick(rtc, due_ns) == 1
        assert rtc_interrupt(rtc)
