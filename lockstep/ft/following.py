"""How far a secondary may run, and when one that goes live is at the cut (rules 1, 4 and 5). No I/O."""

from __future__ import annotations

import enum

CAUGHT_UP_POSITIONS = 8_000_000


class Step(enum.Enum):
    """What a host that follows the log does next."""

    APPLY = "apply the next entry here"
    RUN = "run up to a position"
    WAIT = "wait for the log"
    AT_CUT = "go live from here"


def next_step(
    position: int, horizon: int, entry_position: int | None, *, going_live: bool
) -> tuple[Step, int]:
    """What to do at `position`, and up to where. `horizon` was read before the next entry was looked for.

    An entry is a horizon by itself: stamps never decrease, so nothing stamped below it is still to come. A secondary
    that didn't run up to it would stand still for ever where a full ring keeps the horizon behind it from arriving.
    """
    if entry_position is not None and entry_position <= position:
        return Step.APPLY, position
    target = horizon if entry_position is None else entry_position
    if position < target:
        return Step.RUN, target
    return (Step.AT_CUT if going_live else Step.WAIT), position


def has_caught_up(position: int, horizon: int, within_positions: int = CAUGHT_UP_POSITIONS) -> bool:
    """Whether a new secondary follows its primary closely enough to be counted on."""
    return horizon > 0 and horizon - position < within_positions
