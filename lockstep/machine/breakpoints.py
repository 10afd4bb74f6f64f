"""Breakpoints: program counters (virtual, of any hart) at which a run comes back with `Stop.EXACT`.

A block that holds one takes the block hook's slow path each time it runs, and there becomes an exact stop like any
other: having stopped changes nothing of what follows. All other blocks run at full speed.

It may also stop where a front part of a block trapped on its way to the breakpoint: look at the pc, and run on.
"""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

import numpy as np

from lockstep.machine.access import Board, Control, load_word
from lockstep.machine.blocks import UNKNOWN, block_at, retired_before, starts_instruction
from lockstep.machine.change import forget_code
from lockstep.machine.clocks import icount_of
from lockstep.machine.csr_values import signed
from lockstep.native import nopython

if TYPE_CHECKING:
    from lockstep.machine.machine import Machine

COVERED_MAX = 256
"""How many addresses may be held in reserve, so that going back to them needs no new translation of code."""


@nopython
def look_for_breakpoints(board: Board, control: Control, pc: int, size: int, block_address: int) -> None:
    """Have the run stop at the first active breakpoint in the block of `size` bytes at `pc`, if there is one."""
    for index in range(control.breakpoints_count):
        breakpoint = load_word(control.breakpoints_address + 8 * index)
        offset = breakpoint - pc
        if offset != 0 and (offset < 0 or offset >= size):
            continue
        block_at(block_address).length = UNKNOWN
        if index >= control.breakpoints_active or not starts_instruction(block_address, breakpoint):
            continue
        before = retired_before(block_address, breakpoint)
        if board.position + before >= control.breakpoint_position:
            control.exact_icount = min(control.exact_icount, icount_of(board) + before)


class Breakpoints:
    """The breakpoints of one machine."""

    def __init__(self, machine: Machine) -> None:
        """None are set."""
        self._machine = machine
        self._addresses = np.zeros(COVERED_MAX, np.int64)
        self._covered: list[int] = []
        machine.control["breakpoints_address"] = self._addresses.ctypes.data

    def activate(self, addresses: Set[int], first_position: int) -> None:
        """Let the next runs stop at `addresses` (at most COVERED_MAX), but nowhere before `first_position`."""
        control = self._machine.control
        active = sorted(signed(address) for address in addresses)
        if not set(active) <= set(self._covered):
            kept = self._covered if len(self._covered) + len(active) <= COVERED_MAX else []
            self._covered = sorted({*kept, *active})
            forget_code(self._machine)
        reserve = [address for address in self._covered if address not in active]
        self._addresses[: len(self._covered)] = active + reserve
        control["breakpoints_count"], control["breakpoints_active"] = len(self._covered), len(active)
        control["breakpoint_position"] = first_position

    def deactivate(self) -> None:
        """Let runs go on without stopping."""
        self._machine.control["breakpoints_active"] = 0
