"""When the view draws: at once for somebody who types, and for a small share of a CPU over time."""

from __future__ import annotations

FRAME_S = 0.05
FRAME_S_MAX = 0.5
COST_SHARE = 0.004
"""What making frames may take of a CPU over time, between the limits above."""
CREDIT_S_MAX = 0.03
"""CPU time that may be saved up while nothing changes: some ten frames as close together as they may be."""


class Pacing:
    """A bucket of CPU time: it fills as time passes, and frames are paid from it."""

    def __init__(self) -> None:
        """Full, and the first frame is due."""
        self.next_frame_s = 0.0
        """On the monotonic clock."""
        self._credit_s = CREDIT_S_MAX
        self._seen_s = 0.0

    def drew(self, now_s: float, cost_s: float) -> None:
        """A frame begun at `now_s` took `cost_s` of CPU time."""
        earned_s = (now_s - self._seen_s) * COST_SHARE
        # What one expensive frame cost is forgotten where it would delay the next by more than the limit.
        self._credit_s = max(min(self._credit_s + earned_s, CREDIT_S_MAX) - cost_s, -FRAME_S_MAX * COST_SHARE)
        self._seen_s = now_s
        self.next_frame_s = now_s + max(FRAME_S, -self._credit_s / COST_SHARE)

    def hurry(self) -> None:
        """The next frame is due now."""
        self.next_frame_s = 0.0
