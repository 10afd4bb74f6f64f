"""WHO@WHEN: when to kill which host."""

from __future__ import annotations

from lockstep.errors import UsageError
from lockstep.host.options import Crash
from lockstep.machine.quantities import parse_duration, parse_icount

HOSTS = ("primary", "secondary")


def parse_crash(text: str) -> Crash:
    """A crash from "primary@5M" (an icount) or "secondary@300ms" (time since start); else UsageError."""
    who, at, when = text.partition("@")
    if not at or who not in HOSTS:
        raise UsageError(f"--crash {text[:40]!r} is not WHO@WHEN: give one as primary@5M or secondary@300ms")
    if when.endswith("s"):
        return Crash(who, after_s=parse_duration(when, "--crash"))
    return Crash(who, icount=parse_icount(when, "--crash"))


def parse_crash_every(text: str) -> float:
    """Seconds between crashes. UsageError if `text` is no duration, or none at all."""
    period_s = parse_duration(text, "--crash-every")
    if period_s <= 0:
        raise UsageError("--crash-every 0 would never let the guest run: give one as 300ms or 2.5s")
    return period_s
