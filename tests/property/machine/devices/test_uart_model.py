"""The UART against a model of it: a deque and a few flags, written from the data sheet."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.machine.devices.uart import (
    UART,
    uart_interrupt,
    uart_read,
    uart_receive,
    uart_reset,
    uart_space,
    uart_write,
)


class Model:
    """Receiver, transmitter and interrupts; neither divisor nor modem lines."""

    def __init__(self) -> None:
        self.queue: deque[int] = deque()
        self.fifo = self.overrun = self.loop = self.transmitter_asks = False
        self.trigger = 1
        self.enabled = 0

    def arrive(self, byte: int) -> None:
        if len(self.queue) < (16 if self.fifo else 1):
            self.queue.append(byte)
            return
        self.overrun = True
        if not self.fifo:
            self.queue[0] = byte

    def receive(self, byte: int) -> None:
        if not self.loop:
            self.arrive(byte)

    def transmit(self, byte: int) -> int:
        self.transmitter_asks = True
        if self.loop:
            self.arrive(byte)
            return -1
        return byte

    def cause(self) -> int:
        if self.enabled & 4 and self.overrun:
            return 0x06
        if self.enabled & 1 and self.queue:
            return 0x0C if self.fifo and len(self.queue) < self.trigger else 0x04
        if self.enabled & 2 and self.transmitter_asks:
            return 0x02
        return 0x01

    def read_iir(self) -> int:
        cause = self.cause()
        if cause == 0x02:
            self.transmitter_asks = False
        return cause | (0xC0 if self.fifo else 0)

    def read_lsr(self) -> int:
        status = 0x60 | bool(self.queue) | self.overrun << 1
        self.overrun = False
        return status

    def enable(self, bits: int) -> None:
        if (bits ^ self.enabled) & 2:
            self.transmitter_asks = bool(bits & 2)
        self.enabled = bits

    def control_fifo(self, bits: int) -> None:
        enable = bool(bits & 1)
        if enable != self.fifo or (enable and bits & 2):
            self.queue.clear()
        self.fifo = enable
        self.trigger = (1, 4, 8, 14)[bits >> 6] if enable else 1


BYTES = st.integers(0, 255)
STEPS = st.one_of(
    st.tuples(st.just("receive"), BYTES),
    st.tuples(st.just("burst"), st.integers(1, 20)),
    st.tuples(st.just("transmit"), BYTES),
    st.tuples(st.just("enable"), st.integers(0, 7)),
    st.tuples(st.just("fifo"), st.one_of(st.sampled_from([0x01, 0x41, 0x81, 0xC1]), BYTES)),
    st.tuples(st.just("loop"), st.booleans()),
    st.tuples(st.sampled_from(["rbr", "iir", "lsr"]), st.none()),
)


def step(uart: Any, model: Model, name: str, argument: Any) -> None:
    if name == "receive":
        uart_receive(uart, argument)
        model.receive(argument)
    elif name == "burst":
        for byte in range(argument):
            uart_receive(uart, byte)
            model.receive(byte)
    elif name == "transmit":
        assert uart_write(uart, 0, argument) == model.transmit(argument)
    elif name == "enable":
        uart_write(uart, 1, argument)
        model.enable(argument)
    elif name == "fifo":
        uart_write(uart, 2, argument)
        model.control_fifo(argument)
    elif name == "loop":
        uart_write(uart, 4, 0x10 if argument else 0)
        model.loop = argument
    elif name == "rbr":
        assert uart_read(uart, 0) == (model.queue.popleft() if model.queue else 0)
    elif name == "iir":
        assert uart_read(uart, 2) == model.read_iir()
    else:
        assert uart_read(uart, 5) == model.read_lsr()


@settings(deadline=None, max_examples=300)
@given(st.lists(STEPS, max_size=60))
def test_uart_behaves_as_its_model(steps: list[tuple[str, Any]]) -> None:
    uart, model = np.zeros(1, UART)[0], Model()
    uart_reset(uart)
    for name, argument in steps:
        step(uart, model, name, argument)
        assert uart_interrupt(uart) == (model.cause() != 0x01)
        assert uart_space(uart) == (0 if model.loop else (16 if model.fifo else 1) - len(model.queue))


@settings(deadline=None, max_examples=100)
@given(
    data=st.binary(max_size=200),
    control=st.sampled_from([0x00, 0x01, 0x41, 0x81, 0xC1]),
    chunks=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=10),
)
def test_nothing_is_lost_while_space_is_respected(
    data: bytes, control: int, chunks: list[tuple[int, int]]
) -> None:
    """An interrupt-driven guest reads everything, in order, whatever the sizes of bursts."""
    uart = np.zeros(1, UART)[0]
    uart_reset(uart)
    uart_write(uart, 2, control)
    uart_write(uart, 1, 0x01)
    sent, heard, turn = 0, bytearray(), 0
    while len(heard) < len(data):
        offer, take = chunks[turn % len(chunks)]
        turn += 1
        if turn > 2 * len(data) + 10:  # a guest that took nothing so far now takes what there is
            offer, take = 20, 20
        for byte in data[sent : sent + min(offer, uart_space(uart))]:
            uart_receive(uart, byte)
            sent += 1
        while take and uart_interrupt(uart):
            heard.append(uart_read(uart, 0))
            take -= 1
        assert uart_interrupt(uart) == (sent > len(heard)), "data waits without an interrupt"
    assert bytes(heard) == data
    assert uart_read(uart, 5) == 0x60, "overrun"
