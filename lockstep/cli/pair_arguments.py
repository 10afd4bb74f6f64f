"""How commands name a running pair."""

from __future__ import annotations

from typing import Annotated

import typer

from lockstep.errors import UsageError

PairArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[PAIR]",
        help="As lockstep ps calls it, the beginning of that, or its monitor's pid; the only one if left out.",
    ),
]
WHO = ("primary", "secondary")


def pair_and_host(arguments: list[str]) -> tuple[str | None, str]:
    """`[PAIR] primary|secondary`. UsageError for anything else."""
    if not 1 <= len(arguments) <= 2 or arguments[-1] not in WHO:
        raise UsageError("say which host is to die: lockstep crash [PAIR] primary|secondary")
    return (arguments[0] if len(arguments) == 2 else None), arguments[-1]
