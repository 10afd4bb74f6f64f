"""Bisection: the first instruction after which two sides differ, between a place where they are equal and one later."""

from __future__ import annotations

import dataclasses
import itertools

from lockstep.verify.side import Side, SideDied
from lockstep.verify.subject import Arrival

_checkpoints = itertools.count(1)
POSITIONS_BEYOND = 1_000_000
"""How far past the end of the window to run at most: a guest that traps for ever retires nothing."""


@dataclasses.dataclass(frozen=True)
class Sides:
    """The two that are compared."""

    expected: Side
    tested: Side

    def push(self) -> int:
        """A checkpoint of both; returns its number."""
        checkpoint = next(_checkpoints)
        for side in (self.expected, self.tested):
            side.push(checkpoint)
        return checkpoint

    def rollback(self) -> None:
        """Both to their last checkpoint."""
        self.expected.rollback()
        self.tested.rollback()

    def drop(self, checkpoint: int) -> None:
        """Forget a checkpoint of both."""
        self.expected.drop(checkpoint)
        self.tested.drop(checkpoint)


@dataclasses.dataclass(frozen=True)
class Located:
    """Both sides stand at `before` instructions, where they are equal; after `icount` they differ."""

    before: int
    icount: int


def run_both(sides: Sides, **place: int) -> tuple[Arrival, Arrival | None]:
    """Run both to a place, at the same time. None: the tested side died of it, and is back at its checkpoint."""
    sides.tested.begin("run_to", **place)
    expected = sides.expected.call("run_to", **place)
    try:
        return expected, sides.tested.result()
    except SideDied:
        return expected, None


def same_ram(sides: Sides) -> bool:
    """Whether both have the same in RAM."""
    sides.tested.begin("ram_digest")
    return bool(sides.expected.call("ram_digest") == sides.tested.result())


def differ_at(sides: Sides, **place: int) -> bool:
    """Run both to a place and compare. If they differ both are back where they were, else they stay there."""
    checkpoint = sides.push()
    expected, tested = run_both(sides, **place)
    if tested is None:
        sides.expected.rollback()
        return True
    if expected != tested or not same_ram(sides):
        sides.rollback()
        return True
    sides.drop(checkpoint)
    return False


def locate(sides: Sides, low: int, high: int, limit: int) -> Located | None:
    """Bisect between icount `low`, where both stand and are equal, and `high`; `limit` is a position past it.

    Sound where there is one cause: machines that are equal again stay equal. None if the sides don't differ up to
    there when they run again.
    """
    bound = limit + POSITIONS_BEYOND
    if not differ_at(sides, icount=high, position=bound):
        # Traps retire nothing: at the very end of the window the difference may show one instruction later only.
        low, high = high, high + 1
        if not differ_at(sides, icount=high, position=bound):
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if differ_at(sides, icount=middle, position=bound):
            high = middle
        else:
            low = middle
    return Located(low, high)
