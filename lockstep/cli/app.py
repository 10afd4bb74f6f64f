"""All commands, one file each. Heavy imports are inside the commands, so that --help is quick."""

from __future__ import annotations

from typing import Annotated

import typer

from lockstep import __version__
from lockstep.cli.completion import complete, completion
from lockstep.cli.crash import crash
from lockstep.cli.demo import demo
from lockstep.cli.examples import examples_of
from lockstep.cli.fetch import fetch
from lockstep.cli.guests import guests
from lockstep.cli.log import log
from lockstep.cli.protect import protect
from lockstep.cli.ps import ps
from lockstep.cli.replay import replay
from lockstep.cli.run import run
from lockstep.cli.sim import sim
from lockstep.cli.stop import stop
from lockstep.cli.verify import verify
from lockstep.cli.watch import watch

COMMANDS = (
    *(run, replay, log, verify, sim, guests, fetch, demo),
    *(ps, watch, crash, protect, stop, completion),
)


def make_app() -> typer.Typer:
    """The command `lockstep`."""
    # Plain help: rich's takes longer to import than everything else together.
    app = typer.Typer(
        name="lockstep",
        no_args_is_help=False,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for command in COMMANDS:
        app.command(epilog=examples_of(command.__name__))(command)
    app.command(hidden=True)(complete)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lockstep {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Run a guest on two machines in lockstep, so that it survives the death of its host."""
