"""Memory-mapped input and output: from libunicorn's callbacks to the devices.

A callback can't know which instruction of its block it serves, so device time is that of the block's start.
"""

from __future__ import annotations

from lockstep.machine.access import (
    Board,
    Control,
    Wiring,
    board_of,
    control_of,
    store_byte,
    wiring_at,
)
from lockstep.machine.blocks import natural_start_position
from lockstep.machine.clocks import guest_ns, mtime_at
from lockstep.machine.devices.clint import clint_read, clint_write
from lockstep.machine.devices.finisher import finisher_read, finisher_write
from lockstep.machine.devices.plic import plic_read, plic_write
from lockstep.machine.devices.rtc import rtc_read, rtc_write
from lockstep.machine.devices.uart import uart_read, uart_write
from lockstep.machine.devices.virtio.registers import virtio_read, virtio_write
from lockstep.machine.input import deliver_input
from lockstep.machine.lines import update_lines
from lockstep.machine.memory_map import VIRTIO_SIZE
from lockstep.native import callback, int32, int64, nopython, void

READ_SIGNATURE = int64(int64, int64, int32, int64)
WRITE_SIGNATURE = void(int64, int64, int32, int64, int64)


@nopython
def _changed(wiring: Wiring, board: Board, control: Control) -> None:
    """After any access that can move a line: show it in mip now, take interrupts at the next block."""
    update_lines(board, control, natural_start_position(wiring))
    control.deadline = 0


@callback(READ_SIGNATURE)
def read_uart(engine: int, offset: int, size: int, wiring_address: int) -> int:
    wiring = wiring_at(wiring_address)
    board, control = board_of(wiring), control_of(wiring)
    value = uart_read(board.uart, offset)
    if offset == 0:
        deliver_input(board, control, guest_ns(board, natural_start_position(wiring)))
    if offset == 0 or offset == 2:
        _changed(wiring, board, control)
    return value


@callback(WRITE_SIGNATURE)
def write_uart(engine: int, offset: int, size: int, value: int, wiring_address: int) -> None:
    wiring = wiring_at(wiring_address)
    board, control = board_of(wiring), control_of(wiring)
    byte = uart_write(board.uart, offset, value)
    if byte >= 0:
        store_byte(control.console_address + board.console_bytes % control.console_capacity, byte)
        board.console_bytes += 1
    _changed(wiring, board, control)


@callback(READ_SIGNATURE)
def read_clint(engine: int, offset: int, size: int, wiring_address: int) -> int:
    wiring = wiring_at(wiring_address)
    board = board_of(wiring)
    return clint_read(board.clint, offset, size, mtime_at(board, natural_start_position(wiring)))


@callback(WRITE_SIGNATURE)
def write_clint(engine: int, offset: int, size: int, value: int, wiring_address: int) -> None:
    wiring = wiring_at(wiring_address)
    board, control = board_of(wiring), control_of(wiring)
    harts = clint_write(board.clint, offset, size, value)
    if harts & ~(1 << wiring.hart) and value:
        # Somebody else has been woken or interrupted: let it have its turn.
        board.turn_end = natural_start_position(wiring)
    _changed(wiring, board, control)


@callback(READ_SIGNATURE)
def read_plic(engine: int, offset: int, size: int, wiring_address: int) -> int:
    wiring = wiring_at(wiring_address)
    board = board_of(wiring)
    value = plic_read(board.plic, offset, size)
    _changed(wiring, board, control_of(wiring))
    return value


@callback(WRITE_SIGNATURE)
def write_plic(engine: int, offset: int, size: int, value: int, wiring_address: int) -> None:
    wiring = wiring_at(wiring_address)
    board = board_of(wiring)
    plic_write(board.plic, offset, size, value)
    _changed(wiring, board, control_of(wiring))


@callback(READ_SIGNATURE)
def read_rtc(engine: int, offset: int, size: int, wiring_address: int) -> int:
    wiring = wiring_at(wiring_address)
    board = board_of(wiring)
    return rtc_read(board.rtc, offset, board.rtc_epoch_ns + guest_ns(board, natural_start_position(wiring)))


@callback(WRITE_SIGNATURE)
def write_rtc(engine: int, offset: int, size: int, value: int, wiring_address: int) -> None:
    wiring = wiring_at(wiring_address)
    board = board_of(wiring)
    rtc_write(board.rtc, offset, value, board.rtc_epoch_ns + guest_ns(board, natural_start_position(wiring)))
    _changed(wiring, board, control_of(wiring))


@callback(READ_SIGNATURE)
def read_finisher(engine: int, offset: int, size: int, wiring_address: int) -> int:
    return finisher_read(board_of(wiring_at(wiring_address)).finisher, offset, size)


@callback(WRITE_SIGNATURE)
def write_finisher(engine: int, offset: int, size: int, value: int, wiring_address: int) -> None:
    wiring = wiring_at(wiring_address)
    board = board_of(wiring)
    finisher_write(board.finisher, offset, size, value)
    _changed(wiring, board, control_of(wiring))


@callback(READ_SIGNATURE)
def read_virtio(engine: int, offset: int, size: int, wiring_address: int) -> int:
    board = board_of(wiring_at(wiring_address))
    return virtio_read(board, offset // VIRTIO_SIZE, offset % VIRTIO_SIZE, size)


@callback(WRITE_SIGNATURE)
def write_virtio(engine: int, offset: int, size: int, value: int, wiring_address: int) -> None:
    wiring = wiring_at(wiring_address)
    board, control = board_of(wiring), control_of(wiring)
    lines = board.virtio_lines
    virtio_write(board, control, offset // VIRTIO_SIZE, offset % VIRTIO_SIZE, size, value)
    if board.virtio_lines != lines:
        _changed(wiring, board, control)
