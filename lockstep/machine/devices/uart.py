"""The serial port: a National Semiconductor NS16550A (data sheet PC16550D), byte registers at stride 1.

Bytes leave at once, so the transmitter is always empty and its FIFO never holds anything; its interrupt is
raised by enabling it and by each byte written, and taken back by reading IIR. The receiver has its 16 bytes.
There is no character clock: bytes below the trigger level count as timed out at once (IIR 0x0c), so a guest
never waits for input that has come. Word length, parity, break and baud rate are kept but have no effect.
The interrupt isn't gated by OUT2 (as in QEMU). In loopback the receiver hears the guest only: `uart_space`
is 0, and what comes from outside nevertheless is lost.
"""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Protocol

import numpy as np

from lockstep.native import nopython

RBR, THR, DLL = 0, 0, 0
IER, DLM = 1, 1
IIR, FCR = 2, 2
LCR, MCR, LSR, MSR, SCR = 3, 4, 5, 6, 7

IER_RECEIVE, IER_TRANSMIT, IER_LINE, IER_MODEM = 1, 2, 4, 8
IIR_MODEM, IIR_NONE, IIR_TRANSMIT, IIR_RECEIVE, IIR_LINE, IIR_TIMEOUT = 0x0, 0x1, 0x2, 0x4, 0x6, 0xC
IIR_FIFO = 0xC0
FCR_ENABLE, FCR_CLEAR_RECEIVE = 0x1, 0x2
LCR_DLAB = 0x80
MCR_LOOP = 0x10
LSR_DATA_READY, LSR_OVERRUN, LSR_TRANSMITTER_EMPTY = 0x1, 0x2, 0x60
MSR_RING = 0x40
MSR_CONNECTED = 0xB0
"""Carrier, data set ready, clear to send: the other end is always there."""

FIFO_BYTES = 16
_DIVISOR_RESET = 12  # 9600 baud of the usual clock, as in QEMU

UART = np.dtype(
    [
        ("receive_head", np.int64),  # index of the oldest byte
        ("receive_count", np.int64),
        ("overrun", np.int64),  # LSR_OVERRUN or 0
        ("transmit_pending", np.int64),  # the transmitter asks for an interrupt
        ("interrupt_enable", np.int64),
        ("fifo_control", np.int64),  # FCR_ENABLE and the trigger level
        ("line_control", np.int64),
        ("modem_control", np.int64),
        ("modem_delta", np.int64),  # the low half of MSR
        ("scratch", np.int64),
        ("divisor", np.int64),
        ("receive", np.uint8, (FIFO_BYTES,)),
    ],
    align=True,
)


class Uart(Protocol):
    """A UART record, as the functions below see it."""

    receive_head: int
    receive_count: int
    overrun: int
    transmit_pending: int
    interrupt_enable: int
    fifo_control: int
    line_control: int
    modem_control: int
    modem_delta: int
    scratch: int
    divisor: int
    receive: MutableSequence[int]


@nopython
def uart_reset(uart: Uart) -> None:
    """Power-on state (data sheet table III)."""
    uart.receive_head = 0
    uart.receive_count = 0
    uart.overrun = 0
    uart.transmit_pending = 0
    uart.interrupt_enable = 0
    uart.fifo_control = 0
    uart.line_control = 0
    uart.modem_control = 0
    uart.modem_delta = 0
    uart.scratch = 0
    uart.divisor = _DIVISOR_RESET
    for index in range(FIFO_BYTES):
        uart.receive[index] = 0


@nopython
def _capacity_bytes(uart: Uart) -> int:
    return FIFO_BYTES if uart.fifo_control & FCR_ENABLE != 0 else 1


@nopython
def _trigger_bytes(uart: Uart) -> int:
    selected = uart.fifo_control >> 6
    if selected == 0:
        return 1
    if selected == 1:
        return 4
    return 8 if selected == 2 else 14


@nopython
def _cause(uart: Uart) -> int:
    """The enabled interrupt of highest priority, as IIR shows it (data sheet table IV)."""
    if uart.interrupt_enable & IER_LINE != 0 and uart.overrun != 0:
        return IIR_LINE
    if uart.interrupt_enable & IER_RECEIVE != 0 and uart.receive_count > 0:
        if uart.fifo_control & FCR_ENABLE != 0 and uart.receive_count < _trigger_bytes(uart):
            return IIR_TIMEOUT
        return IIR_RECEIVE
    if uart.interrupt_enable & IER_TRANSMIT != 0 and uart.transmit_pending != 0:
        return IIR_TRANSMIT
    if uart.interrupt_enable & IER_MODEM != 0 and uart.modem_delta != 0:
        return IIR_MODEM
    return IIR_NONE


@nopython
def uart_interrupt(uart: Uart) -> bool:
    """The level of the interrupt line."""
    return _cause(uart) != IIR_NONE


@nopython
def uart_space(uart: Uart) -> int:
    """How many bytes `uart_receive` takes now without losing any."""
    if uart.modem_control & MCR_LOOP != 0:
        return 0
    return _capacity_bytes(uart) - uart.receive_count


@nopython
def _push(uart: Uart, byte: int) -> None:
    if uart.receive_count < _capacity_bytes(uart):
        uart.receive[(uart.receive_head + uart.receive_count) & (FIFO_BYTES - 1)] = byte & 0xFF
        uart.receive_count += 1
        return
    uart.overrun = LSR_OVERRUN
    if uart.fifo_control & FCR_ENABLE == 0:
        # Without a FIFO the new byte replaces the old one; with it the new one is lost.
        uart.receive[uart.receive_head] = byte & 0xFF


@nopython
def uart_receive(uart: Uart, byte: int) -> None:
    """A byte arrives from outside."""
    if uart.modem_control & MCR_LOOP == 0:
        _push(uart, byte)


@nopython
def _pop(uart: Uart) -> int:
    if uart.receive_count == 0:
        return 0
    byte = uart.receive[uart.receive_head] & 0xFF
    uart.receive_head = (uart.receive_head + 1) & (FIFO_BYTES - 1)
    uart.receive_count -= 1
    return byte


@nopython
def _modem_lines(uart: Uart) -> int:
    """The high half of MSR; in loopback it follows RTS, DTR, OUT1 and OUT2 of MCR."""
    control = uart.modem_control
    if control & MCR_LOOP == 0:
        return MSR_CONNECTED
    return (control & 0x0C) << 4 | (control & 0x02) << 3 | (control & 0x01) << 5


@nopython
def uart_read(uart: Uart, offset: int) -> int:
    """The byte register at `offset`; beyond the eighth reads 0."""
    if offset == RBR:
        return uart.divisor & 0xFF if uart.line_control & LCR_DLAB != 0 else _pop(uart)
    if offset == IER:
        return uart.divisor >> 8 if uart.line_control & LCR_DLAB != 0 else uart.interrupt_enable
    if offset == IIR:
        cause = _cause(uart)
        if cause == IIR_TRANSMIT:
            uart.transmit_pending = 0
        return cause | IIR_FIFO if uart.fifo_control & FCR_ENABLE != 0 else cause
    if offset == LCR:
        return uart.line_control
    if offset == MCR:
        return uart.modem_control
    if offset == LSR:
        status = LSR_TRANSMITTER_EMPTY | uart.overrun
        uart.overrun = 0
        return status | LSR_DATA_READY if uart.receive_count > 0 else status
    if offset == MSR:
        status = _modem_lines(uart) | uart.modem_delta
        uart.modem_delta = 0
        return status
    if offset == SCR:
        return uart.scratch
    return 0


@nopython
def _write_fifo_control(uart: Uart, value: int) -> None:
    switched = (value ^ uart.fifo_control) & FCR_ENABLE != 0
    if switched or value & (FCR_ENABLE | FCR_CLEAR_RECEIVE) == FCR_ENABLE | FCR_CLEAR_RECEIVE:
        uart.receive_head = 0
        uart.receive_count = 0
    # The other bits are programmed only along with the enable bit.
    uart.fifo_control = value & (0xC0 | FCR_ENABLE) if value & FCR_ENABLE != 0 else 0


@nopython
def _write_modem_control(uart: Uart, value: int) -> None:
    before = _modem_lines(uart)
    uart.modem_control = value & 0x1F
    after = _modem_lines(uart)
    changed = (before ^ after) & ~MSR_RING
    ring_ended = before & ~after & MSR_RING
    uart.modem_delta |= (changed | ring_ended) >> 4


@nopython
def _transmit(uart: Uart, byte: int) -> int:
    uart.transmit_pending = 1
    if uart.modem_control & MCR_LOOP != 0:
        _push(uart, byte)
        return -1
    return byte


@nopython
def uart_write(uart: Uart, offset: int, value: int) -> int:
    """Write the low byte of `value` at `offset`; returns the byte transmitted, or -1 if none was."""
    byte = value & 0xFF
    divisor_access = uart.line_control & LCR_DLAB != 0
    if offset == THR:
        if not divisor_access:
            return _transmit(uart, byte)
        uart.divisor = uart.divisor & 0xFF00 | byte
    elif offset == IER:
        if divisor_access:
            uart.divisor = uart.divisor & 0xFF | byte << 8
        else:
            if (uart.interrupt_enable ^ byte) & IER_TRANSMIT != 0:
                uart.transmit_pending = 1 if byte & IER_TRANSMIT != 0 else 0
            uart.interrupt_enable = byte & 0x0F
    elif offset == FCR:
        _write_fifo_control(uart, byte)
    elif offset == LCR:
        uart.line_control = byte
    elif offset == MCR:
        _write_modem_control(uart, byte)
    elif offset == SCR:
        uart.scratch = byte
    return -1
