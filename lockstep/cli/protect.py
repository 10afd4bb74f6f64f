"""`lockstep protect`: have a new secondary made, and wait for it."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from lockstep.cli.pair_arguments import PairArgument

LOOK_S = 0.02


def protect(
    pair: PairArgument = None,
    timeout: Annotated[float, typer.Option(metavar="S", help="How long to wait (then exit 124).")] = 60.0,
) -> int:
    """Wait until the guest of a pair is Protected.

    A pair makes itself a new secondary when it lacks one, but for a while not after an attempt that failed: this
    makes it try at once.
    """
    from lockstep.cli.messages import say
    from lockstep.cli.run_options import check_timeout
    from lockstep.ft.status import Protection
    from lockstep.monitor import control_messages as c
    from lockstep.monitor.control_client import connect_to

    check_timeout(timeout)
    with connect_to(pair) as connection:
        began_s = time.monotonic()
        is_first = True
        while True:
            status = connection.status()
            if status.protection == Protection.PROTECTED.value and not status.reason:
                waited = "" if is_first else f", after {time.monotonic() - began_s:.1f} s"
                already = " already" if is_first else ""
                typer.echo(f"{connection.name}: Protected{already}, generation {status.generation}{waited}")
                return 0
            if is_first:
                connection.done(c.Protect())
                is_first = False
            if time.monotonic() - began_s > timeout:
                why = f": {status.reason}" if status.reason else ""
                say(f"after {timeout:g} s {connection.name} is {status.protection}{why}; see lockstep watch")
                return 124
            time.sleep(LOOK_S)
