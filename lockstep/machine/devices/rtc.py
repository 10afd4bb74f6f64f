"""The goldfish real-time clock (Google's goldfish virtual hardware description; as on QEMU's `virt`).

Registers are 32 bits wide. The 64-bit time is in nanoseconds; TIME_LOW latches the half that TIME_HIGH reads.
Time comes in from outside as `now_ns`; the guest's own time is that plus an offset, which its writes
of TIME_LOW and TIME_HIGH change. As in QEMU, a running alarm isn't moved by setting the time,
writing ALARM_LOW arms the alarm (so ALARM_HIGH goes first), and an alarm in the past fires at once.
An alarm too far ahead for 63 bits of nanoseconds never fires (QEMU: fires at once).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from lockstep.native import nopython, unsigned_less

TIME_LOW, TIME_HIGH, ALARM_LOW, ALARM_HIGH = 0x00, 0x04, 0x08, 0x0C
IRQ_ENABLED, CLEAR_ALARM, ALARM_STATUS, CLEAR_INTERRUPT = 0x10, 0x14, 0x18, 0x1C

NEVER_NS = 2**63 - 1

_LOW_HALF = 0xFFFF_FFFF

RTC = np.dtype(
    [
        ("offset_ns", np.int64),  # guest time minus `now_ns`
        ("time_high", np.int64),  # latched by a read of TIME_LOW
        ("alarm", np.int64),  # as written, in guest time (unsigned)
        ("alarm_at_ns", np.int64),  # when the alarm last set fires, in terms of `now_ns`
        ("alarm_running", np.int64),
        ("interrupt_pending", np.int64),
        ("interrupt_enabled", np.int64),
    ],
    align=True,
)


class Rtc(Protocol):
    """An RTC record, as the functions below see it."""

    offset_ns: int
    time_high: int
    alarm: int
    alarm_at_ns: int
    alarm_running: int
    interrupt_pending: int
    interrupt_enabled: int


@nopython
def rtc_reset(rtc: Rtc) -> None:
    """Power-on state: no alarm, guest time equal to `now_ns`."""
    rtc.offset_ns = 0
    rtc.time_high = 0
    rtc.alarm = 0
    rtc.alarm_at_ns = 0
    rtc.alarm_running = 0
    rtc.interrupt_pending = 0
    rtc.interrupt_enabled = 0


@nopython
def rtc_read(rtc: Rtc, offset: int, now_ns: int) -> int:
    """The 32-bit register at `offset`, zero-extended; unknown ones read 0."""
    if offset == TIME_LOW:
        time = now_ns + rtc.offset_ns
        rtc.time_high = (time >> 32) & _LOW_HALF
        return time & _LOW_HALF
    if offset == TIME_HIGH:
        return rtc.time_high
    if offset == ALARM_LOW:
        return rtc.alarm & _LOW_HALF
    if offset == ALARM_HIGH:
        return (rtc.alarm >> 32) & _LOW_HALF
    if offset == IRQ_ENABLED:
        return rtc.interrupt_enabled
    if offset == ALARM_STATUS:
        return rtc.alarm_running
    return 0


@nopython
def _with_low(whole: int, half: int) -> int:
    return (whole & ~_LOW_HALF) | (half & _LOW_HALF)


@nopython
def _with_high(whole: int, half: int) -> int:
    return (whole & _LOW_HALF) | (half << 32)


@nopython
def _arm(rtc: Rtc, now_ns: int) -> None:
    time = now_ns + rtc.offset_ns
    if not unsigned_less(time, rtc.alarm):
        rtc.alarm_running = 0
        rtc.interrupt_pending = 1
        return
    ahead_ns = rtc.alarm - time
    if ahead_ns < 0 or (now_ns > 0 and ahead_ns > NEVER_NS - now_ns):
        rtc.alarm_at_ns = NEVER_NS
    else:
        rtc.alarm_at_ns = now_ns + ahead_ns
    rtc.alarm_running = 1


@nopython
def rtc_write(rtc: Rtc, offset: int, value: int, now_ns: int) -> None:
    """Write the low 32 bits of `value` to the register at `offset`; unknown ones ignore it."""
    if offset == TIME_LOW:
        rtc.offset_ns = _with_low(now_ns + rtc.offset_ns, value) - now_ns
    elif offset == TIME_HIGH:
        rtc.offset_ns = _with_high(now_ns + rtc.offset_ns, value) - now_ns
    elif offset == ALARM_LOW:
        rtc.alarm = _with_low(rtc.alarm, value)
        _arm(rtc, now_ns)
    elif offset == ALARM_HIGH:
        rtc.alarm = _with_high(rtc.alarm, value)
    elif offset == IRQ_ENABLED:
        rtc.interrupt_enabled = value & 1
    elif offset == CLEAR_ALARM:
        rtc.alarm_running = 0
    elif offset == CLEAR_INTERRUPT:
        rtc.interrupt_pending = 0


@nopython
def rtc_alarm_ns(rtc: Rtc) -> int:
    """When the alarm fires, in terms of `now_ns`; NEVER_NS (the largest int64) if none is running."""
    if rtc.alarm_running != 0:
        return rtc.alarm_at_ns
    return NEVER_NS


@nopython
def rtc_tick(rtc: Rtc, now_ns: int) -> int:
    """Fire the alarm if it is due at `now_ns`; returns whether it did (1 or 0)."""
    if rtc.alarm_running == 0 or now_ns < rtc.alarm_at_ns:
        return 0
    rtc.alarm_running = 0
    rtc.interrupt_pending = 1
    return 1


@nopython
def rtc_interrupt(rtc: Rtc) -> bool:
    """The level of the interrupt line."""
    return (rtc.interrupt_pending & rtc.interrupt_enabled) != 0
