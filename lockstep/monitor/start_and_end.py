"""What the journal says of a run's start and end, for a pair as for a single machine."""

from __future__ import annotations

from typing import Any

from lockstep.host.options import Crash, RunOptions
from lockstep.host.result import RunResult
from lockstep.machine.config import MachineConfig


def start_data(
    name: str, config: MachineConfig, options: RunOptions, *, solo: bool = False
) -> dict[str, Any]:
    """What the run was asked for. Options that a single machine has none of are left out for one."""
    data: dict[str, Any] = {
        "guest": name,
        "clock": config.clock,
        "harts": config.harts,
        "memory_bytes": config.memory_bytes,
        "append": config.append.encode("utf-8", "replace").decode(),
        "timeout_s": options.timeout_s,
        "max_icount": options.max_icount,
        "solo": solo,
    }
    if solo:
        return data
    return data | {
        "channel": options.channel,
        "crashes": [_crash(crash) for crash in options.crashes],
        "crash_every_s": options.crash_every_s,
        "crash_unprotected": options.crash_unprotected,
        "check_every_s": options.checks.every_s,
        "check_ram_every_s": options.checks.ram_every_s,
        "inject": [str(error) for error in options.soft_errors],
        "on_divergence": options.on_divergence,
        "trace": None if options.trace is None else str(options.trace.options.path),
    }


def _crash(crash: Crash) -> str:
    return f"{crash.who}@{crash.icount if crash.after_s is None else f'{crash.after_s:g}s'}"


def end_text(result: RunResult) -> str:
    """One line."""
    text = f"the run ends: {result.outcome}, exit status {result.exit_code}"
    return f"{text}; {result.message}" if result.message else text


def end_data(result: RunResult) -> dict[str, Any]:
    """The report's figures that say how it ended."""
    return {
        "outcome": result.outcome,
        "exit_code": result.exit_code,
        "icount": result.icount,
        "wall_s": round(result.wall_s, 6),
        "console_bytes": result.console["bytes"],
        "digest": result.digest,
        "failovers": len(result.failovers),
        "clones": len(result.clones),
    }
