"""`lockstep watch`: the secondary's console and the events that it replays, live."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from lockstep.cli.pair_arguments import PairArgument
from lockstep.errors import UsageError

if TYPE_CHECKING:
    from lockstep.monitor.control_client import Connection


def watch(
    pair: PairArgument = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help="Only events of this kind: input, clock, check, disk, frame, entropy, or of the pair, as failover; "
            "repeatable.",
        ),
    ] = None,
    console: Annotated[bool, typer.Option("--console", help="Only the console, raw.")] = False,
    events: Annotated[bool, typer.Option("--events", help="Only events.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> int:
    """Show what the secondary does.

    Its console as the secondary computes it, the log entries that it takes (with the icount), and what happens to the
    pair; from now on until the pair ends, across failovers. To watch changes nothing in the run.
    """
    if console and (events or kind):
        raise UsageError("--console shows no events: leave --events and --kind out")
    from lockstep.monitor import control_messages as c
    from lockstep.monitor.control_client import connect_to

    wanted = c.Watch(console=not events, events=not console, kinds=tuple(kind) if kind else None)
    with connect_to(pair) as connection:
        connection.ask(wanted)
        try:
            if console and not json:
                _show_raw(connection)
            else:
                _show(connection, as_json=json)
        except BrokenPipeError:
            # Whoever read this has seen enough. The interpreter would complain when it flushes.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


def _show_raw(connection: Connection) -> None:
    from lockstep.cli.streams import write_stdout
    from lockstep.monitor import control_messages as c

    for answer in connection.answers():
        if isinstance(answer, c.ConsoleText):
            write_stdout(answer.data)


def _show(connection: Connection, *, as_json: bool) -> None:
    from lockstep.ui.watch_lines import ConsoleLines, json_line, lines

    console = ConsoleLines()
    for answer in connection.answers():
        if as_json:
            line = json_line(answer)
            shown = [] if line is None else [line]
        else:
            shown = list(lines(answer, console))
        for line in shown:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    for line in console.rest():
        sys.stdout.write(f"{'console':<31} {line}\n")
