"""Interrupt lines: from devices through CLINT and PLIC to the harts' mip."""

from __future__ import annotations

from lockstep.machine.access import Board, Control, env_of, wiring_of_hart
from lockstep.machine.clocks import mtime_at
from lockstep.machine.devices.clint import clint_timer_due
from lockstep.machine.devices.plic import plic_output, plic_set_line
from lockstep.machine.devices.rtc import rtc_interrupt
from lockstep.machine.devices.uart import uart_interrupt
from lockstep.machine.memory_map import RTC_IRQ, UART_IRQ, VIRTIO_IRQ, VIRTIO_SLOTS
from lockstep.machine.riscv.bits import HARDWARE_INTERRUPTS, MEIP, MSIP, MTIP, SEIP
from lockstep.native import nopython

_VIRTIO_LINES = (1 << VIRTIO_SLOTS) - 1


@nopython
def update_lines(board: Board, control: Control, position: int) -> None:
    """Make mip of every hart show what its lines are at `position`."""
    plic_set_line(board.plic, UART_IRQ, 1 if uart_interrupt(board.uart) else 0)
    plic_set_line(board.plic, RTC_IRQ, 1 if rtc_interrupt(board.rtc) else 0)
    if (board.plic.lines[0] >> VIRTIO_IRQ) & _VIRTIO_LINES != board.virtio_lines:
        for slot in range(VIRTIO_SLOTS):
            plic_set_line(board.plic, VIRTIO_IRQ + slot, (board.virtio_lines >> slot) & 1)
    mtime = mtime_at(board, position)
    for hart in range(board.harts_count):
        lines = board.harts[hart].supervisor_external
        if board.clint.msip[hart] & 1:
            lines |= MSIP
        if clint_timer_due(board.clint, hart, mtime):
            lines |= MTIP
        if plic_output(board.plic, 2 * hart):
            lines |= MEIP
        if plic_output(board.plic, 2 * hart + 1):
            lines |= SEIP
        env = env_of(wiring_of_hart(control, hart))
        env.mip = (env.mip & ~(HARDWARE_INTERRUPTS | SEIP)) | lines


@nopython
def is_runnable(board: Board, control: Control, hart: int) -> bool:
    """Whether `hart` has something to do: it doesn't wait, or what it waits for has come (section 3.2.3)."""
    if board.harts[hart].waiting == 0:
        return True
    env = env_of(wiring_of_hart(control, hart))
    return env.mip & env.mie != 0


@nopython
def next_runnable(board: Board, control: Control) -> int:
    """The hart whose turn comes next after the current one's, in fixed order; -1 if every hart waits."""
    for step in range(1, board.harts_count + 1):
        hart = (board.current_hart + step) % board.harts_count
        if is_runnable(board, control, hart):
            return hart
    return -1
