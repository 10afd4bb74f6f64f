from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lockstep.machine.devices import rtc as device
from lockstep.machine.devices.rtc import (
    NEVER_NS,
    rtc_alarm_ns,
    rtc_interrupt,
    rtc_read,
    rtc_reset,
    rtc_tick,
    rtc_write,
)

NOW_NS = 0x1701_2345_89AB_CDEF


@pytest.fixture
def rtc() -> Any:
    record = np.zeros(1, device.RTC)[0]
    rtc_reset(record)
    return record


def read_time(rtc: Any, now_ns: int) -> int:
    low = rtc_read(rtc, device.TIME_LOW, now_ns)
    return low | rtc_read(rtc, device.TIME_HIGH, now_ns) << 32


def set_alarm(rtc: Any, time_ns: int, now_ns: int) -> None:
    rtc_write(rtc, device.ALARM_HIGH, time_ns >> 32, now_ns)
    rtc_write(rtc, device.ALARM_LOW, time_ns & 0xFFFF_FFFF, now_ns)


def test_time_is_now(rtc: Any) -> None:
    assert read_time(rtc, NOW_NS) == NOW_NS


def test_time_low_latches_time_high(rtc: Any) -> None:
    assert rtc_read(rtc, device.TIME_LOW, 0x1_FFFF_FFFF) == 0xFFFF_FFFF
    assert rtc_read(rtc, device.TIME_HIGH, 0x2_0000_0000) == 1
    assert rtc_read(rtc, device.TIME_LOW, 0x2_0000_0000) == 0
    assert rtc_read(rtc, device.TIME_HIGH, 0x2_0000_0000) == 2


def test_setting_the_time_keeps_it_running(rtc: Any) -> None:
    rtc_write(rtc, device.TIME_HIGH, 0x1234_5678, NOW_NS)
    rtc_write(rtc, device.TIME_LOW, 0x9ABC_DEF0, NOW_NS)
    assert read_time(rtc, NOW_NS) == 0x1234_5678_9ABC_DEF0
    assert read_time(rtc, NOW_NS + 1000) == 0x1234_5678_9ABC_DEF0 + 1000


def test_a_half_of_the_time_leaves_the_other(rtc: Any) -> None:
    rtc_write(rtc, device.TIME_LOW, 7, NOW_NS)
    assert read_time(rtc, NOW_NS) == NOW_NS & ~0xFFFF_FFFF | 7
    rtc_write(rtc, device.TIME_HIGH, 1, NOW_NS)
    assert read_time(rtc, NOW_NS) == 1 << 32 | 7


def test_alarm_fires_at_its_time(rtc: Any) -> None:
    rtc_write(rtc, device.IRQ_ENABLED, 1, NOW_NS)
    set_alarm(rtc, NOW_NS + 500, NOW_NS)
    assert (
        rtc_read(rtc, device.ALARM_LOW, NOW_NS) | rtc_read(rtc, device.ALARM_HIGH, NOW_NS) << 32
        == NOW_NS + 500
    )
    assert rtc_read(rtc, device.ALARM_STATUS, NOW_NS) == 1
    assert rtc_alarm_ns(rtc) == NOW_NS + 500
    assert rtc_tick(rtc, NOW_NS + 499) == 0
    assert not rtc_interrupt(rtc)
    assert rtc_tick(rtc, NOW_NS + 500) == 1
    assert rtc_interrupt(rtc)
    assert rtc_read(rtc, device.ALARM_STATUS, NOW_NS) == 0
    assert rtc_alarm_ns(rtc) == NEVER_NS
    assert rtc_tick(rtc, NOW_NS + 501) == 0
    rtc_write(rtc, device.CLEAR_INTERRUPT, 1, NOW_NS + 501)
    assert not rtc_interrupt(rtc)


def test_alarm_is_in_guest_time(rtc: Any) -> None:
    rtc_write(rtc, device.TIME_HIGH, 0, NOW_NS)
    rtc_write(rtc, device.TIME_LOW, 100, NOW_NS)
    set_alarm(rtc, 150, NOW_NS)
    assert rtc_alarm_ns(rtc) == NOW_NS + 50


def test_setting_the_time_leaves_a_running_alarm(rtc: Any) -> None:
    set_alarm(rtc, NOW_NS + 500, NOW_NS)
    rtc_write(rtc, device.TIME_HIGH, 0, NOW_NS)
    assert rtc_alarm_ns(rtc) == NOW_NS + 500


@pytest.mark.parametrize("ago_ns", [0, 1, NOW_NS])
def test_alarm_in_the_past_fires_at_once(rtc: Any, ago_ns: int) -> None:
    rtc_write(rtc, device.IRQ_ENABLED, 1, NOW_NS)
    set_alarm(rtc, NOW_NS - ago_ns, NOW_NS)
    assert rtc_interrupt(rtc)
    assert rtc_read(rtc, device.ALARM_STATUS, NOW_NS) == 0


@pytest.mark.parametrize("alarm", [2**64 - 1, 2**63])
def test_alarm_beyond_63_bits_never_fires(rtc: Any, alarm: int) -> None:
    rtc_write(rtc, device.IRQ_ENABLED, 1, NOW_NS)
    set_alarm(rtc, alarm, NOW_NS)
    assert rtc_alarm_ns(rtc) >= 2**63 - 1
    assert not rtc_interrupt(rtc)


def test_alarm_high_alone_arms_nothing(rtc: Any) -> None:
    rtc_write(rtc, device.ALARM_HIGH, NOW_NS >> 32, 0)
    assert rtc_alarm_ns(rtc) == NEVER_NS


def test_clear_alarm_stops_it(rtc: Any) -> None:
    set_alarm(rtc, NOW_NS + 500, NOW_NS)
    rtc_write(rtc, device.CLEAR_ALARM, 1, NOW_NS)
    assert rtc_alarm_ns(rtc) == NEVER_NS
    assert rtc_tick(rtc, NOW_NS + 1000) == 0


def test_interrupt_waits_for_its_enable(rtc: Any) -> None:
    set_alarm(rtc, NOW_NS, NOW_NS)
    assert not rtc_interrupt(rtc)
    rtc_write(rtc, device.IRQ_ENABLED, 3, NOW_NS)
    assert rtc_read(rtc, device.IRQ_ENABLED, NOW_NS) == 1
    assert rtc_interrupt(rtc)


@pytest.mark.parametrize("offset", [-4, 1, device.CLEAR_ALARM, device.CLEAR_INTERRUPT, 0x20, 0x1000])
def test_other_offsets_read_0(rtc: Any, offset: int) -> None:
    rtc_write(rtc, offset, -1, NOW_NS)
    assert rtc_read(rtc, offset, NOW_NS) == 0
