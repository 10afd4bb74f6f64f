"""How to run, from the command line: bounds, and what happens to the pair."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lockstep.errors import UsageError
from lockstep.host.options import CHANNELS, ON_DIVERGENCE, CheckIntervals, RunOptions, TraceOptions
from lockstep.machine.quantities import parse_duration, parse_icount
from lockstep.monitor.crash_text import parse_crash, parse_crash_every
from lockstep.monitor.forward_text import parse_forwards

if TYPE_CHECKING:
    from pathlib import Path

    from lockstep.machine.config import MachineConfig
    from lockstep.machine.soft_error import SoftError

TRACE_GUEST = ("content", "hash")
DEFAULT_CHECKS = CheckIntervals()
INTERVAL_S_MIN = 0.001


@dataclass(frozen=True, kw_only=True)
class PairOptions:
    """The options that need a second machine, as they were typed."""

    channel: str = "shm"
    crashes: list[str]
    crash_every: str | None = None
    crash_unprotected: bool = False
    check_every: str | None = None
    check_ram_every: str | None = None
    on_divergence: str | None = None
    soft_errors: list[str] = field(default_factory=list)


def make_options(
    pair: PairOptions,
    *,
    solo: bool,
    timeout_s: float | None,
    max_icount: str | None,
    forwards: list[str] | None = None,
    net: str = "none",
) -> RunOptions:
    """Checked options, without console input and output. UsageError if they make no sense."""
    if pair.channel not in CHANNELS:
        raise UsageError(f"--channel {pair.channel!r} is unknown: give shm or tcp")
    if solo and (pair.crashes or pair.crash_every or pair.crash_unprotected):
        raise UsageError("--crash needs a pair: leave --solo out")
    if solo and pair.soft_errors:
        raise UsageError("--inject needs a pair, to find the difference: leave --solo out")
    if solo and (pair.check_every or pair.check_ram_every or pair.on_divergence):
        raise UsageError("a single machine has nothing to be compared with: leave --solo or the checks out")
    on_divergence = pair.on_divergence or "stop"
    if on_divergence not in ON_DIVERGENCE:
        raise UsageError(f"--on-divergence {on_divergence[:40]!r} is unknown: give stop or reclone")
    return RunOptions(
        timeout_s=check_timeout(timeout_s),
        max_icount=None if max_icount is None else parse_icount(max_icount, "--max-icount"),
        channel=pair.channel,
        crashes=tuple(parse_crash(text) for text in pair.crashes),
        crash_every_s=None if pair.crash_every is None else parse_crash_every(pair.crash_every),
        crash_unprotected=pair.crash_unprotected,
        checks=CheckIntervals(
            every_s=_interval(pair.check_every, "--check-every", DEFAULT_CHECKS.every_s),
            ram_every_s=_interval(pair.check_ram_every, "--check-ram-every", DEFAULT_CHECKS.ram_every_s),
        ),
        soft_errors=_soft_errors(pair.soft_errors),
        on_divergence=on_divergence,
        forwards=parse_forwards(forwards or [], has_network=net != "none"),
    )


def make_trace_options(
    path: Path | None, guest: str | None, checkpoint_every: str | None
) -> TraceOptions | None:
    """What to keep of the run, or None. UsageError if it makes no sense."""
    if path is None:
        if guest is not None or checkpoint_every is not None:
            raise UsageError(
                "--trace-guest and --trace-checkpoint-every are about a trace: give --trace FILE"
            )
        return None
    if guest not in (None, *TRACE_GUEST):
        raise UsageError(f"--trace-guest {guest!r} is unknown: give content or hash")
    default_s = TraceOptions.checkpoint_every_s
    return TraceOptions(
        path=path,
        keeps_guest=guest != "hash",
        checkpoint_every_s=_interval(checkpoint_every, "--trace-checkpoint-every", default_s),
    )


def check_timeout(timeout_s: float | None) -> float | None:
    """`timeout_s`. UsageError if it is no time to wait."""
    if timeout_s is not None and not (math.isfinite(timeout_s) and timeout_s > 0):
        raise UsageError(f"--timeout {timeout_s:g} is not a time to wait: give seconds above 0, as 10 or 0.5")
    return timeout_s


def check_soft_errors(options: RunOptions, config: MachineConfig) -> None:
    """UsageError unless the machine of `config` has everything that is to be flipped."""
    if options.soft_errors:
        from lockstep.machine.soft_error import check_soft_error

        for error in options.soft_errors:
            check_soft_error(error, config)


def _soft_errors(texts: list[str]) -> tuple[SoftError, ...]:
    if not texts:
        return ()
    from lockstep.machine.soft_error import parse_soft_error

    return tuple(parse_soft_error(text) for text in texts)


def _interval(text: str | None, option: str, default_s: float | None) -> float | None:
    """Seconds; None for `off`, which 0 means as well."""
    if text is None:
        return default_s
    seconds = 0.0 if text == "off" else parse_duration(text, option)
    if 0 < seconds < INTERVAL_S_MIN:
        raise UsageError(f"{option} {text} would leave no time for the guest: give 1ms or more, or off")
    return seconds or None
