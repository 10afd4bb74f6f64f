"""How to run, from the command line: bounds, and what happens to the pair."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lockstep.cli.crashes import parse_crash, parse_crash_every
from lockstep.errors import UsageError
from lockstep.host.options import RunOptions
from lockstep.machine.quantities import parse_icount

CHANNELS = ("shm", "tcp")


@dataclass(frozen=True, kw_only=True)
class PairOptions:
    """The options that need a second machine, as they were typed."""

    channel: str = "shm"
    crashes: list[str]
    crash_every: str | None = None
    crash_unprotected: bool = False


def make_options(
    pair: PairOptions, *, solo: bool, timeout_s: float | None, max_icount: str | None
) -> RunOptions:
    """Checked options, without console input and output. UsageError if they make no sense."""
    if pair.channel not in CHANNELS:
        raise UsageError(f"--channel {pair.channel!r} is unknown: give shm or tcp")
    if solo and (pair.crashes or pair.crash_every or pair.crash_unprotected):
        raise UsageError("--crash needs a pair: leave --solo out")
    return RunOptions(
        timeout_s=check_timeout(timeout_s),
        max_icount=None if max_icount is None else parse_icount(max_icount, "--max-icount"),
        channel=pair.channel,
        crashes=tuple(parse_crash(text) for text in pair.crashes),
        crash_every_s=None if pair.crash_every is None else parse_crash_every(pair.crash_every),
        crash_unprotected=pair.crash_unprotected,
    )


def check_timeout(timeout_s: float | None) -> float | None:
    """`timeout_s`. UsageError if it is no time to wait."""
    if timeout_s is not None and not (math.isfinite(timeout_s) and timeout_s > 0):
        raise UsageError(f"--timeout {timeout_s:g} is not a time to wait: give seconds above 0, as 10 or 0.5")
    return timeout_s
