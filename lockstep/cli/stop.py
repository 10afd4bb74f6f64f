"""`lockstep stop`: end a running pair."""

from __future__ import annotations

import typer

from lockstep.cli.pair_arguments import PairArgument


def stop(pair: PairArgument = None) -> int:
    """End a running pair.

    As Ctrl-C would: its outcome is interrupted, and it is waited for."""
    from lockstep.monitor import control_messages as c
    from lockstep.monitor.control_client import connect_to

    with connect_to(pair) as connection:
        connection.done(c.Stop())
        for _ in connection.answers():
            pass
        typer.echo(f"{connection.name}: has ended")
    return 0
