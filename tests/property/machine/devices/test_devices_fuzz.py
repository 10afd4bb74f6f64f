"""Every device, whatever the guest does to it: no crash, answers in range, all of its state in its bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.machine.devices.clint import (
    CLINT,
    clint_read,
    clint_reset,
    clint_software_interrupt,
    clint_timer_due,
    clint_write,
)
from lockstep.machine.devices.finisher import FINISHER, finisher_read, finisher_reset, finisher_write
from lockstep.machine.devices.plic import (
    CONTEXTS,
    PLIC,
    plic_best,
    plic_output,
    plic_read,
    plic_reset,
    plic_set_line,
    plic_write,
)
from lockstep.machine.devices.rtc import (
    RTC,
    rtc_alarm_ns,
    rtc_interrupt,
    rtc_read,
    rtc_reset,
    rtc_tick,
    rtc_write,
)
from lockstep.machine.devices.uart import (
    UART,
    uart_interrupt,
    uart_read,
    uart_receive,
    uart_reset,
    uart_space,
    uart_write,
)
from lockstep.machine.memory_map import HARTS_MAX

INT64 = st.integers(-(2**63), 2**63 - 1)
VALUES = st.one_of(
    INT64, st.integers(0, 255), st.sampled_from([0, -1, 0x5555, 0x3333, 0x7777, 0x3333 | 200 << 16])
)
SIZES = st.sampled_from([1, 2, 4, 8])
OFFSETS = st.one_of(
    INT64,
    st.integers(-8, 48),
    st.integers(0, 0x400).map(lambda word: 4 * word),
    st.integers(0, 20).map(lambda word: 0x4000 + 4 * word),
    st.sampled_from([0x1000, 0x1008, 0x2000, 0x2080, 0x2084, 0xBFF8, 0xBFFC]),
    st.tuples(st.integers(0, 17), st.sampled_from([0, 4, 8])).map(lambda c: 0x20_0000 + 0x1000 * c[0] + c[1]),
)
OUTSIDE = st.one_of(
    st.integers(-(2**63), -1), st.integers(-8, -1), st.integers(0x60_0000, 2**63 - 1), st.just(0x60_0000)
)
OPERATIONS = st.lists(st.tuples(st.integers(0, 2), OFFSETS, SIZES, VALUES), max_size=40)

Answer = Callable[[Any, int, int, int], Any]


class Device(NamedTuple):
    """One device as three operations on its record: each takes (offset, size, value)."""

    dtype: np.dtype[Any]
    reset: Callable[[Any], None]
    operations: tuple[Answer, Answer, Answer]
    outputs: Callable[[Any], Any]


def uart_event(uart: Any, offset: int, size: int, value: int) -> Any:
    uart_receive(uart, value)


def plic_event(plic: Any, offset: int, size: int, value: int) -> Any:
    plic_set_line(plic, abs(offset) % 100, value & 1)


DEVICES = {
    "uart": Device(
        UART,
        uart_reset,
        (
            lambda record, offset, size, value: uart_read(record, offset),
            lambda record, offset, size, value: uart_write(record, offset, value),
            uart_event,
        ),
        lambda record: (uart_interrupt(record), uart_space(record)),
    ),
    "plic": Device(
        PLIC,
        plic_reset,
        (lambda record, offset, size, value: plic_read(record, offset, size), plic_write, plic_event),
        lambda record: [
            (plic_output(record, context), plic_best(record, context)) for context in range(CONTEXTS)
        ],
    ),
    "clint": Device(
        CLINT,
        clint_reset,
        (clint_read, clint_write, clint_read),
        lambda record: [
            (clint_software_interrupt(record, hart), clint_timer_due(record, hart, 2**40))
            for hart in range(HARTS_MAX)
        ],
    ),
    "rtc": Device(
        RTC,
        rtc_reset,
        (
            lambda record, offset, size, value: rtc_read(record, offset, value),
            lambda record, offset, size, value: rtc_write(record, offset, value, value // 3),
            lambda record, offset, size, value: rtc_tick(record, value),
        ),
        lambda record: (rtc_interrupt(record), rtc_alarm_ns(record)),
    ),
    "finisher": Device(
        FINISHER,
        finisher_reset,
        (
            lambda record, offset, size, value: finisher_read(record, offset, size),
            finisher_write,
            finisher_write,
        ),
        lambda record: None,
    ),
}

each_device = pytest.mark.parametrize("name", DEVICES)


def run(device: Device, record: Any, operations: list[tuple[int, int, int, int]]) -> list[Any]:
    history = []
    for kind, offset, size, value in operations:
        answer = device.operations[kind](record, offset, size, value)
        history.append((answer, device.outputs(record)))
    return history


def new(device: Device) -> Any:
    record = np.zeros(1, device.dtype)[0]
    device.reset(record)
    return record


def restored(device: Device, snapshot: bytes) -> Any:
    return np.frombuffer(bytearray(snapshot), device.dtype)[0]


@each_device
def test_reset_sets_every_byte(name: str) -> None:
    device = DEVICES[name]
    for filler in (0x00, 0xA5, 0xFF):
        record = restored(device, bytes([filler]) * device.dtype.itemsize)
        device.reset(record)
        assert record.tobytes() == new(device).tobytes(), f"filled with {filler:#x}"


@each_device
@settings(deadline=None, max_examples=60)
@given(before=OPERATIONS, after=OPERATIONS)
def test_a_restored_snapshot_has_the_same_future(
    name: str, before: list[tuple[int, int, int, int]], after: list[tuple[int, int, int, int]]
) -> None:
    device = DEVICES[name]
    original = new(device)
    run(device, original, before)
    clone = restored(device, original.tobytes())
    assert run(device, original, after) == run(device, clone, after)
    assert original.tobytes() == clone.tobytes()


@each_device
@settings(deadline=None, max_examples=60)
@given(operations=OPERATIONS, size=SIZES)
def test_reads_fit_their_registers(name: str, operations: list[tuple[int, int, int, int]], size: int) -> None:
    device = DEVICES[name]
    record = new(device)
    bits = {"uart": 8, "rtc": 32}.get(name, 8 * size)
    for kind, offset, _, value in operations:
        answer = device.operations[kind](record, offset, size, value)
        if kind == 0 and bits < 64:
            assert 0 <= answer < 1 << bits, (hex(offset), answer)


@each_device
@settings(deadline=None, max_examples=60)
@given(operations=OPERATIONS, offset=OUTSIDE)
def test_outside_its_window_a_device_is_silent(
    name: str, operations: list[tuple[int, int, int, int]], offset: int
) -> None:
    device = DEVICES[name]
    record = new(device)
    run(device, record, operations)
    before = record.tobytes()
    for size in (1, 2, 4, 8):
        device.operations[1](record, offset, size, -1)
        assert device.operations[0](record, offset, size, -1) == 0
    assert record.tobytes() == before
