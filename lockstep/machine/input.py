"""Console input on its way to the UART: from a file at a fixed rate of guest time, or live from the wire."""

from __future__ import annotations

from lockstep.machine.access import Board, Control, load_byte
from lockstep.machine.devices.uart import uart_receive, uart_space
from lockstep.machine.memory_map import UART_BAUD
from lockstep.machine.state import NEVER, WIRE_BYTES
from lockstep.native import nopython

BYTE_NS = 10 * 1_000_000_000 // UART_BAUD
"""Start bit, eight data bits and a stop bit at 115,200 baud."""


@nopython
def deliver_input(board: Board, control: Control, now_ns: int) -> None:
    """Give the UART what has arrived by guest time `now_ns` and fits its FIFO; the rest waits and is never lost."""
    while (
        board.typed_bytes < control.typed_length
        and board.typed_at_ns <= now_ns
        and uart_space(board.uart) > 0
    ):
        uart_receive(board.uart, load_byte(control.typed_address + board.typed_bytes))
        board.typed_bytes += 1
        board.typed_at_ns = now_ns + BYTE_NS
    while board.wire_head != board.wire_tail and uart_space(board.uart) > 0:
        uart_receive(board.uart, board.wire[board.wire_head & (WIRE_BYTES - 1)])
        board.wire_head += 1


@nopython
def next_input_ns(board: Board, control: Control) -> int:
    """Guest time at which the next typed byte arrives; NEVER if none is left or the FIFO has no room for it."""
    if board.typed_bytes >= control.typed_length or uart_space(board.uart) <= 0:
        return NEVER
    return board.typed_at_ns
