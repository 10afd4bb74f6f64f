"""When a run is over, and why. No I/O."""

from __future__ import annotations

from lockstep.host import messages as m
from lockstep.monitor.parties import Host

COMPARE_LIMIT_S = 20.0
"""How long the end of a protected run waits for the secondary to come to the same end."""
GRACE_S = 3.0
OUTCOMES = {"FINISHED": "poweroff", "IDLE": "idle"}
"""Ends that the guest came to by itself."""


class Ending:
    """What is known of a run's end."""

    def __init__(self) -> None:
        """The run goes on."""
        self.reason: str | None = None
        """The outcome with which the run is to end."""
        self.at_s = 0.0
        self.ended: m.Ended | None = None
        """What the primary said at the guest's end."""
        self.mismatch: str | None = None

    def end(self, reason: str, now_s: float) -> None:
        """The run is to end for `reason`; the first reason counts."""
        if self.reason is None:
            self.reason, self.at_s = reason, now_s

    def no_host(self) -> None:
        """Nobody is left to run the guest: end at once."""
        self.end("no-host", 0.0)

    def diverged(self, text: str) -> None:
        """The two machines differ: end at once, whatever else there was."""
        self.mismatch, self.reason = text, "divergence"

    def guest_ended(self, ended: m.Ended, now_s: float) -> None:
        """The primary came to its end."""
        self.ended, self.at_s = ended, now_s

    def is_all_written(self, written: int) -> bool:
        """Whether the guest has ended and the world, which has `written` bytes, has all its output."""
        return self.ended is not None and written >= self.ended.console_bytes

    def is_over(self, secondary: Host | None, written: int, now_s: float, *, going_live: bool) -> bool:
        """Whether nothing is left to wait for. At the end both hosts are compared, if there are two."""
        if self.mismatch is not None or self.reason == "no-host":
            return True
        if self.ended is None or not self.is_all_written(written) or going_live:
            return self.reason is not None and now_s - self.at_s > GRACE_S
        is_comparable = self.ended.stop in OUTCOMES
        if not is_comparable or secondary is None or now_s - self.at_s > COMPARE_LIMIT_S:
            return True
        return secondary.ended is not None
