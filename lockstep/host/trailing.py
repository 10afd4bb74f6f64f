"""How far the secondary trails, in time: the vLockstep interval, as the primary sees it.

The primary remembers where it was when. What its secondary has acknowledged tells where that one is; how long ago the
primary was there is the interval. Between two looks the position is taken to have grown evenly.
"""

from __future__ import annotations

from collections import deque

LOOKS_KEPT = 2048


class Trailing:
    """Looks at both positions, whenever the control thread comes by."""

    def __init__(self) -> None:
        """Nothing was seen."""
        self._looks: deque[tuple[float, int]] = deque(maxlen=LOOKS_KEPT)
        self._sum_ms = 0.0
        self._count = 0

    def look(self, now_s: float, position: int, acknowledged: int | None) -> None:
        """The primary is at `position`, its secondary has run up to `acknowledged`; None: there is no secondary."""
        looks = self._looks
        if acknowledged is None:
            looks.clear()
            return
        looks.append((now_s, position))
        while len(looks) > 1 and looks[1][1] <= acknowledged:
            looks.popleft()
        if acknowledged <= 0:
            return  # it has not said anything yet
        before_s, before = looks[0]
        if position <= acknowledged:
            interval_s = 0.0
        elif len(looks) == 1 or before > acknowledged:
            interval_s = now_s - before_s  # or more: nothing older is known
        else:
            after_s, after = looks[1]
            there_s = before_s + (after_s - before_s) * (acknowledged - before) / (after - before)
            interval_s = now_s - there_s
        self._sum_ms += interval_s * 1e3
        self._count += 1

    def take_mean_ms(self) -> float | None:
        """The mean of what was seen since the last call; None: nothing."""
        if not self._count:
            return None
        mean_ms = self._sum_ms / self._count
        self._sum_ms, self._count = 0.0, 0
        return round(mean_ms, 3)
