"""How far a machine that follows a log may run, kept up without leaving native code (rule 1).

The same decision as in `lockstep.ft.following`, where nothing is to be applied and the horizon has moved on.
"""

from __future__ import annotations

from lockstep.log.entry import entry_position
from lockstep.log.ring import ring_acknowledge, ring_horizon, ring_peek
from lockstep.machine.access import Board, Control
from lockstep.native import nopython

STRETCH_POSITIONS = 500_000
"""How far to run, at most, before the primary is told about it."""


@nopython
def extend_limit(board: Board, control: Control) -> None:
    """At the limit: acknowledge what has run, and move the limit on as far as the log allows."""
    log = control.followed
    ring_acknowledge(log, board.position)
    # In this order: what is stamped below this horizon is seen by the look that follows.
    target = ring_horizon(log)
    entry = ring_peek(log)
    if entry < 0:
        return  # it is refused: whoever applies entries will say so
    if entry > 0:
        target = entry_position(entry)
    target = min(target, control.followed_limit, board.position + STRETCH_POSITIONS)
    control.limit = max(target, control.limit)
