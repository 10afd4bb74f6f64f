"""Values as a row of bars, one character each."""

from __future__ import annotations

from collections.abc import Sequence


def sparkline(values: Sequence[float], levels: str, width: int | None = None) -> str:
    """A bar for each value, from nothing to the highest of them.

    `levels` are the characters, from nothing to the top. With a `width`: the last so many, padded at the left.
    """
    shown = values if width is None else values[-width:] if width > 0 else []
    top = max(shown, default=0.0)
    if top <= 0:
        bars = levels[0] * len(shown)
    else:
        steps = len(levels) - 1
        bars = "".join(levels[round(min(max(value / top, 0.0), 1.0) * steps)] for value in shown)
    return bars if width is None else " " * (max(width, 0) - len(bars)) + bars
