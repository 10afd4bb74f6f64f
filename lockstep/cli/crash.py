"""`lockstep crash`: kill a host of a running pair."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lockstep.monitor.control_client import Connection

NOTICED_LIMIT_S = 10.0
LOOK_S = 0.005


def crash(
    arguments: Annotated[
        list[str], typer.Argument(metavar="[PAIR] primary|secondary", help="PAIR as for lockstep ps.")
    ],
    unprotected: Annotated[
        bool, typer.Option("--unprotected", help="Even if no other host has the guest, which may be its end.")
    ] = False,
) -> int:
    """Kill a host of a running pair.

    By SIGKILL; says who took over, and after how long.
    """
    from lockstep.cli.pair_arguments import pair_and_host
    from lockstep.monitor import control_messages as c
    from lockstep.monitor.control_client import PairGoneError, connect_to

    pair, who = pair_and_host(arguments)
    with connect_to(pair) as connection:
        before = connection.status()
        done = connection.done(c.Crash(who=who, unprotected=unprotected))
        typer.echo(f"{connection.name}: {done.text}")
        try:
            what = _what_became(connection, done.host, who, len(before.failovers))
        except PairGoneError:
            what = "the run has ended"
    typer.echo(f"{connection.name}: {what}")
    return 0


def _what_became(connection: Connection, host: int | None, who: str, failovers: int) -> str:
    end_s = time.monotonic() + NOTICED_LIMIT_S
    while time.monotonic() < end_s:
        status = connection.status()
        is_gone = all(one.number != host for one in status.hosts)
        if is_gone and who == "primary" and len(status.failovers) > failovers:
            last = status.failovers[-1]
            new = next((one.number for one in status.hosts if one.role in ("primary", "going live")), 0)
            return (
                f"host {new} took over in generation {last['generation']}, {last['blackout_ms']:.1f} ms after"
            )
        if is_gone and who == "secondary":
            return "the primary goes on; another secondary is being made"
        time.sleep(LOOK_S)
    return "nothing has come of it yet; see lockstep ps"
