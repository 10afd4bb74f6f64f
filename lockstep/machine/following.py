"""A machine that follows a log, kept going without leaving native code: entries are taken, its limit moves on (rule 1).

The same decisions as in `lockstep.ft.following`. What comes from the world is taken here. Where a check or the end is
due, or an entry that isn't as it should be, the run comes back: whoever follows the log looks at that.
"""

from __future__ import annotations

from lockstep.log.entry import (
    CHECK,
    END,
    SNAPSHOT,
    entry_kind,
    entry_length,
    entry_payload,
    entry_pc,
    entry_position,
)
from lockstep.log.ring import ring_acknowledge, ring_horizon, ring_peek, ring_pop
from lockstep.machine.access import Board, Control
from lockstep.machine.entries import take_entry
from lockstep.native import nopython

STRETCH_POSITIONS = 500_000
"""How far to run, at most, before the primary is told about it."""


@nopython
def _take_next(board: Board, control: Control, entry: int, pc: int) -> bool:
    """Take the entry at address `entry` here and now, if it is one to be taken here."""
    kind = entry_kind(entry)
    if kind == CHECK or kind == SNAPSHOT or kind == END:
        return False
    if entry_position(entry) != board.position or entry_pc(entry) != pc:
        return False
    if take_entry(board, control, kind, pc, entry_payload(entry), entry_length(entry)) < 0:
        return False
    ring_pop(control.followed)
    return True


@nopython
def follow_log(board: Board, control: Control, pc: int) -> None:
    """At the limit, where the next instruction is the one at `pc`: do what the log asks, and move the limit on.

    The limit stays where it is if somebody else has to deal with the log's next entry.
    """
    log = control.followed
    ring_acknowledge(log, board.position)
    while True:
        # In this order: what is stamped below this horizon is seen by the look that follows.
        target = ring_horizon(log)
        entry = ring_peek(log)
        if entry < 0:
            return  # it is refused: whoever applies entries will say so
        if entry == 0:
            break
        target = entry_position(entry)
        if target > board.position:
            break
        if board.position >= control.followed_limit or not _take_next(board, control, entry, pc):
            return
    target = min(target, control.followed_limit, board.position + STRETCH_POSITIONS)
    control.limit = max(target, control.limit)
