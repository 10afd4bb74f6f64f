"""Counters and guest time, all linear in the position.

Guest time in ns is position + offset, so its slope is 1 ns per position; mtime counts it in ticks of 100 ns. Only
CLOCK entries, and under the virtual clock the skip to the next event when every hart waits, move the offset.
"""

from __future__ import annotations

from lockstep.machine.access import Board
from lockstep.machine.state import NEVER
from lockstep.native import inline, nopython

TICK_NS = 100
_TICKS_MAX = 1 << 54


@inline
def icount_of(board: Board) -> int:
    """Instructions retired since reset, summed over harts."""
    return board.position - board.traps - board.switches


@inline
def hart_icount(board: Board) -> int:
    """Instructions retired since reset by the hart whose turn it is."""
    hart = board.harts[board.current_hart]
    return hart.retired + icount_of(board) - hart.turn_icount


@inline
def guest_ns(board: Board, position: int) -> int:
    """Guest time in ns at `position`."""
    return position + board.time_offset_ns


@inline
def mtime_at(board: Board, position: int) -> int:
    """The CLINT's mtime at `position`."""
    return guest_ns(board, position) // TICK_NS


@nopython
def timer_ns(mtimecmp: int) -> int:
    """Guest time in ns at which a timer set to `mtimecmp` (unsigned) is due, or NEVER."""
    if mtimecmp < 0 or mtimecmp > _TICKS_MAX:
        return NEVER
    return mtimecmp * TICK_NS
