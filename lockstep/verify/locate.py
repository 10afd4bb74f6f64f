"""The search for the first instruction after which two sides differ, between where they are equal and a place later."""

from __future__ import annotations

import dataclasses
import itertools

from lockstep.verify.side import Side, SideDied
from lockstep.verify.subject import Arrival

_checkpoints = itertools.count(1)
PLACES = 24
"""How many places are compared in one round of the search."""
POSITIONS_BEYOND = 10_000
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


def differ_at(sides: Sides, icount: int, bound: int) -> bool:
    """Run both to `icount` and compare. If they differ both are back where they were, else they stay there."""
    checkpoint = sides.push()
    expected, tested = run_both(sides, icount=icount, position=bound)
    if tested is None:
        sides.expected.rollback()
        return True
    if expected != tested or not same_ram(sides):
        sides.rollback()
        return True
    sides.drop(checkpoint)
    return False


def locate(sides: Sides, low: int, high: int, limit: int) -> Located | None:
    """Search between icount `low`, where both stand and are equal, and `high`; `limit` is a position past it.

    Each round looks at some places at once, which needs fewer checkpoints than halving. Sound where there is one
    cause: machines that are equal again stay equal. None if the sides don't differ up to there when they run again.
    """
    bound = limit + POSITIONS_BEYOND
    # Traps retire nothing: at the very end of the window the difference may show one instruction later only.
    places = [*_places_between(low, high), high, high + 1]
    while True:
        found = _first_difference(sides, places, bound)
        if found is None:
            return None
        low, high = places[found - 1] if found else low, places[found]
        if high - low <= 1:
            return Located(low, high)
        places = [*_places_between(low, high), high]


def _places_between(low: int, high: int) -> list[int]:
    """Up to PLACES - 1 icounts, evenly spread."""
    return sorted({low + (high - low) * part // PLACES for part in range(1, PLACES)} - {low, high})


def _first_difference(sides: Sides, places: list[int], bound: int) -> int | None:
    """Which of `places` is the first where they differ. Both stand at the one before it afterwards."""
    sides.push()
    sides.tested.begin("run_through", places, bound)
    expected = sides.expected.call("run_through", places, bound)
    try:
        tested = sides.tested.result()
    except SideDied:
        sides.expected.rollback()
        # It takes its digests with it: one place after another, then.
        return next((index for index, place in enumerate(places) if differ_at(sides, place, bound)), None)
    sides.rollback()
    found = next(
        (index for index, pair in enumerate(zip(expected, tested, strict=True)) if pair[0] != pair[1]), None
    )
    if found:
        run_both(sides, icount=places[found - 1], position=bound)
    return found
