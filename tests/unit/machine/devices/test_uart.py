"""Expectations from the data sheet of the PC16550D, section 8."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lockstep.machine.devices import uart as device
from lockstep.machine.devices.uart import (
    uart_interrupt,
    uart_read,
    uart_receive,
    uart_reset,
    uart_space,
    uart_write,
)

RBR, THR, IER, IIR, FCR, LCR, MCR, LSR, MSR, SCR = 0, 0, 1, 2, 2, 3, 4, 5, 6, 7
TRIGGERS = [(0x00, 1), (0x40, 4), (0x80, 8), (0xC0, 14)]


@pytest.fixture
def uart() -> Any:
    record = np.zeros(1, device.UART)[0]
    uart_reset(record)
    return record


def receive(uart: Any, data: bytes) -> None:
    for byte in data:
        uart_receive(uart, byte)


def drain(uart: Any) -> bytes:
    data = bytearray()
    while uart_read(uart, LSR) & 0x01:
        data.append(uart_read(uart, RBR))
    return bytes(data)


def test_reset_state(uart: Any) -> None:
    registers = [uart_read(uart, offset) for offset in range(8)]
    assert registers == [0, 0, 0x01, 0, 0, 0x60, 0xB0, 0]
    assert not uart_interrupt(uart)


def test_transmit_returns_the_byte_at_once(uart: Any) -> None:
    assert [uart_write(uart, THR, byte) for byte in (0, 65, 255, 0x141)] == [0, 65, 255, 0x41]
    assert uart_read(uart, LSR) == 0x60


def test_only_thr_transmits(uart: Any) -> None:
    assert [uart_write(uart, offset, 0x0F) for offset in range(1, 8)] == [-1] * 7


def test_fifo_holds_16_in_order(uart: Any) -> None:
    uart_write(uart, FCR, 0x01)
    assert uart_space(uart) == 16
    receive(uart, b"0123456789abcdef")
    assert uart_space(uart) == 0
    assert drain(uart) == b"0123456789abcdef"
    assert uart_space(uart) == 16


def test_without_fifo_there_is_one_holding_register(uart: Any) -> None:
    assert uart_space(uart) == 1
    receive(uart, b"x")
    assert uart_space(uart) == 0
    assert uart_read(uart, LSR) == 0x61
    assert uart_read(uart, RBR) == ord("x")
    assert uart_read(uart, LSR) == 0x60


def test_overrun_of_the_fifo_loses_the_new_byte(uart: Any) -> None:
    uart_write(uart, FCR, 0x01)
    receive(uart, b"0123456789abcdef!")
    assert uart_read(uart, LSR) == 0x63
    assert uart_read(uart, LSR) == 0x61, "reading LSR clears the overrun"
    assert drain(uart) == b"0123456789abcdef"


def test_overrun_of_the_holding_register_loses_the_old_byte(uart: Any) -> None:
    receive(uart, b"ab")
    assert uart_read(uart, LSR) == 0x63
    assert uart_read(uart, RBR) == ord("b")


def test_reading_an_empty_receiver_gives_0(uart: Any) -> None:
    uart_write(uart, FCR, 0x01)
    assert uart_read(uart, RBR) == 0
    receive(uart, b"a")
    assert drain(uart) == b"a"


def test_clearing_the_receive_fifo(uart: Any) -> None:
    uart_write(uart, FCR, 0x01)
    receive(uart, b"abc")
    uart_write(uart, FCR, 0x05)
    assert uart_read(uart, LSR) == 0x61, "the transmitter's bit leaves the receiver"
    uart_write(uart, FCR, 0x03)
    assert uart_read(uart, LSR) == 0x60
    assert uart_space(uart) == 16


def test_switching_the_fifo_clears_it(uart: Any) -> None:
    receive(uart, b"a")
    uart_write(uart, FCR, 0x01)
    assert uart_read(uart, LSR) == 0x60
    receive(uart, b"abc")
    uart_write(uart, FCR, 0x00)
    assert uart_read(uart, LSR) == 0x60
    assert uart_space(uart) == 1


def test_fifo_control_needs_its_enable_bit(uart: Any) -> None:
    receive(uart, b"a")
    uart_write(uart, FCR, 0xC2)
    assert uart_read(uart, RBR) == ord("a")


def test_iir_shows_the_fifo(uart: Any) -> None:
    uart_write(uart, FCR, 0x01)
    assert uart_read(uart, IIR) == 0xC1
    uart_write(uart, FCR, 0x00)
    assert uart_read(uart, IIR) == 0x01


@pytest.mark.parametrize(("control", "level"), TRIGGERS)
def test_data_below_the_trigger_is_timed_out(uart: Any, control: int, level: int) -> None:
    uart_write(uart, FCR, 0x01 | control)
    uart_write(uart, IER, 0x01)
    causes = []
    for _ in range(16):
        uart_receive(uart, 0x55)
        assert uart_interrupt(uart)
        causes.append(uart_read(uart, IIR))
    assert causes == [0xCC] * (level - 1) + [0xC4] * (17 - level)
    for left in reversed(range(16)):
        uart_read(uart, RBR)
        assert uart_read(uart, IIR) == (0xC4 if left >= level else 0xCC if left else 0xC1)


def test_receive_interrupt_without_fifo(uart: Any) -> None:
    receive(uart, b"a")
    assert not uart_interrupt(uart)
    uart_write(uart, IER, 0x01)
    assert uart_read(uart, IIR) == 0x04
    assert uart_interrupt(uart), "reading IIR leaves it"
    uart_read(uart, RBR)
    assert not uart_interrupt(uart)


def test_enabling_the_transmitter_interrupt_raises_it(uart: Any) -> None:
    uart_write(uart, IER, 0x02)
    assert uart_interrupt(uart)
    assert uart_read(uart, IIR) == 0x02
    assert not uart_interrupt(uart), "reading IIR takes it back"
    assert uart_read(uart, IIR) == 0x01
    uart_write(uart, IER, 0x02)
    assert not uart_interrupt(uart), "it was enabled already"
    uart_write(uart, IER, 0x00)
    uart_write(uart, IER, 0x02)
    assert uart_interrupt(uart)


def test_each_byte_written_raises_the_transmitter_interrupt(uart: Any) -> None:
    uart_write(uart, IER, 0x02)
    for _ in range(3):
        uart_read(uart, IIR)
        assert not uart_interrupt(uart)
        uart_write(uart, THR, 0x41)
        assert uart_interrupt(uart)


def test_line_status_interrupt(uart: Any) -> None:
    uart_write(uart, IER, 0x04)
    receive(uart, b"ab")
    assert uart_read(uart, IIR) == 0x06
    assert uart_interrupt(uart)
    uart_read(uart, LSR)
    assert not uart_interrupt(uart)


def test_priorities_of_interrupts(uart: Any) -> None:
    uart_write(uart, MCR, 0x10)
    uart_write(uart, MCR, 0x00)  # modem lines changed
    receive(uart, b"ab")  # overrun and data
    uart_write(uart, IER, 0x0F)
    assert uart_read(uart, IIR) == 0x06
    uart_read(uart, LSR)
    assert uart_read(uart, IIR) == 0x04
    uart_read(uart, RBR)
    assert uart_read(uart, IIR) == 0x02
    assert uart_read(uart, IIR) == 0x00
    uart_read(uart, MSR)
    assert uart_read(uart, IIR) == 0x01
    assert not uart_interrupt(uart)


def test_iir_clears_the_transmitter_only_when_it_shows_it(uart: Any) -> None:
    receive(uart, b"a")
    uart_write(uart, IER, 0x03)
    assert uart_read(uart, IIR) == 0x04
    uart_read(uart, RBR)
    assert uart_read(uart, IIR) == 0x02


def test_divisor_latch(uart: Any) -> None:
    uart_write(uart, LCR, 0x83)
    assert (uart_read(uart, 0), uart_read(uart, 1)) == (12, 0)
    assert uart_write(uart, 0, 0x34) == -1
    assert uart_write(uart, 1, 0x12) == -1
    assert (uart_read(uart, 0), uart_read(uart, 1)) == (0x34, 0x12)
    uart_write(uart, LCR, 0x03)
    assert uart_read(uart, IER) == 0
    assert uart_read(uart, LCR) == 0x03
    assert uart_write(uart, THR, 0x41) == 0x41


def test_divisor_access_leaves_received_data(uart: Any) -> None:
    receive(uart, b"a")
    uart_write(uart, LCR, 0x80)
    uart_read(uart, 0)
    uart_write(uart, LCR, 0x00)
    assert drain(uart) == b"a"


def test_scratch_and_masks(uart: Any) -> None:
    for offset, kept in ((IER, 0x0F), (LCR, 0xFF), (MCR, 0x1F), (SCR, 0xFF)):
        uart_reset(uart)
        uart_write(uart, offset, 0x1FF)
        assert uart_read(uart, offset) == kept, offset


def test_status_registers_are_read_only(uart: Any) -> None:
    uart_write(uart, LSR, 0x02)
    uart_write(uart, MSR, 0x0F)
    assert (uart_read(uart, LSR), uart_read(uart, MSR)) == (0x60, 0xB0)


def test_loopback_receives_what_is_sent(uart: Any) -> None:
    uart_write(uart, FCR, 0x01)
    uart_write(uart, MCR, 0x10)
    assert [uart_write(uart, THR, byte) for byte in b"hello"] == [-1] * 5
    assert drain(uart) == b"hello"


def test_loopback_cuts_the_outside_off(uart: Any) -> None:
    uart_write(uart, FCR, 0x01)
    receive(uart, b"before")
    uart_write(uart, MCR, 0x10)
    assert uart_space(uart) == 0
    receive(uart, b"lost")
    uart_write(uart, MCR, 0x00)
    assert uart_space(uart) == 10
    assert drain(uart) == b"before"


@pytest.mark.parametrize(
    ("control", "status"),
    [(0x10, 0x00), (0x11, 0x20), (0x12, 0x10), (0x14, 0x40), (0x18, 0x80), (0x1A, 0x90)],
)
def test_loopback_of_the_modem_lines(uart: Any, control: int, status: int) -> None:
    uart_write(uart, MCR, control)
    assert uart_read(uart, MSR) & 0xF0 == status


def test_modem_deltas_show_changes_until_read(uart: Any) -> None:
    uart_write(uart, MCR, 0x1B)  # carrier, ready and clear to send as outside: no change
    assert uart_read(uart, MSR) == 0xB0
    uart_write(uart, MCR, 0x19)
    assert uart_read(uart, MSR) == 0xA1
    assert uart_read(uart, MSR) == 0xA0
    uart_write(uart, MCR, 0x1D)
    assert uart_read(uart, MSR) == 0xE0, "the start of a ring is no event"
    uart_write(uart, MCR, 0x19)
    assert uart_read(uart, MSR) == 0xA4, "its end is"


@pytest.mark.parametrize("offset", [-1, 8, 0x100, 1 << 40, -(2**63)])
def test_other_offsets_read_0_and_are_ignored(uart: Any, offset: int) -> None:
    before = uart.tobytes()
    assert uart_write(uart, offset, -1) == -1
    assert uart_read(uart, offset) == 0
    assert uart.tobytes() == before
