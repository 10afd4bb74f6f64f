"""`lockstep fetch`: brings guests that are too large to be bundled."""

from __future__ import annotations

from typing import Annotated

import typer

from lockstep.errors import UsageError


def fetch(
    guest: Annotated[str, typer.Argument(metavar="GUEST", help="linux (brings u-boot as well)")],
    update: Annotated[
        bool, typer.Option("--update", help="Ask for newer packages even if there are some.")
    ] = False,
) -> None:
    """Bring Debian's riscv64 Linux into the cache.

    It comes through apt, which needs no root for this.
    """
    if guest not in ("linux", "u-boot"):
        raise UsageError(f"there is nothing to fetch for {guest!r}: give linux")
    from lockstep.catalog.linux import fetch_linux
    from lockstep.cli.messages import say
    from lockstep.ui.progress import steps_shown

    with steps_shown() as progress:
        fetched = fetch_linux(progress, update=update)
    versions = ", ".join(f"{name} {version}" for name, version in sorted(fetched.versions.items()))
    say(f"linux and u-boot are ready ({versions}): lockstep run linux")
