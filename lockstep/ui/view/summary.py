"""A run in one line, for when its view is gone."""

from __future__ import annotations

from lockstep.host.result import RunResult
from lockstep.ui.view.numbers import count_text, milliseconds_text


def summary(result: RunResult) -> str:
    """`poweroff after 1.25 G instructions in 2.1 s (596 MIPS); 1 failover (3.8 ms), 1 clone, 52 checks, all equal`."""
    parts = []
    if result.failovers:
        blackout_ms = max(failover["blackout_ms"] for failover in result.failovers)
        longest = "longest " if len(result.failovers) > 1 else ""
        parts.append(
            f"{_counted(len(result.failovers), 'failover')} ({longest}{milliseconds_text(blackout_ms)})"
        )
    else:
        parts.append("no failover")
    parts.append(_counted(len(result.clones), "clone"))
    if result.checks is not None:
        mismatched = result.checks["mismatched"]
        agreed = f"{mismatched} DIFFERENT" if mismatched else "all equal"
        parts.append(f"{_counted(result.checks['compared'], 'check')}, {agreed}")
    return f"{result.outcome}{_how_far(result)}; {', '.join(parts)}"


def _how_far(result: RunResult) -> str:
    if result.icount is None:
        return f" after {result.wall_s:.1f} s"
    rate = f" ({result.icount / result.wall_s / 1e6:.0f} MIPS)" if result.wall_s > 0 else ""
    return f" after {count_text(result.icount)} instructions in {result.wall_s:.1f} s{rate}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
