"""`lockstep ps`: the running pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lockstep.monitor.status import Status

_HEAD = ("PAIR", "GUEST", "STATUS", "GEN", "MONITOR", "PRIMARY", "SECONDARY", "ICOUNT", "UPTIME")
_RIGHT = {"GEN", "MONITOR", "PRIMARY", "SECONDARY", "ICOUNT", "UPTIME"}


def ps(
    json: Annotated[bool, typer.Option("--json", help="One JSON array of all that is known.")] = False,
) -> int:
    """List your running pairs."""
    from lockstep.cli.messages import say
    from lockstep.monitor.control_client import all_statuses

    statuses, silent = all_statuses()
    if json:
        import msgspec

        typer.echo(msgspec.json.encode(statuses).decode())
    elif statuses:
        for line in table([_HEAD, *map(_row, statuses)]):
            typer.echo(line)
    elif not silent:
        say("no pair is running: start one with lockstep run GUEST")
    for name in silent:
        say(f"the pair {name} doesn't answer: its monitor is stopped, or of another version")
    return 0


def _row(status: Status) -> tuple[str, ...]:
    from lockstep.cli.messages import one_line

    pids = {host.role: host.pid for host in status.hosts}
    protection = f"{status.protection}: {status.reason}" if status.reason else status.protection
    return (
        status.name,
        one_line(status.guest),
        one_line(protection),
        str(status.generation),
        str(status.monitor_pid),
        str(pids.get("primary") or pids.get("going live") or "-"),
        str(pids.get("secondary") or "-"),
        f"{status.icount:,}",
        f"{status.uptime_s:.1f}s",
    )


def table(rows: list[tuple[str, ...]]) -> list[str]:
    """`rows` in columns, the first one the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    heads = rows[0]
    return [
        "  ".join(
            cell.rjust(width) if head in _RIGHT else cell.ljust(width)
            for cell, width, head in zip(row, widths, heads, strict=True)
        ).rstrip()
        for row in rows
    ]
