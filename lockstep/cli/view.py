"""The live view of a run from the command line, where the terminal can show one."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lockstep.cli.messages import say
from lockstep.cli.streams import STDIN, write_stdout
from lockstep.ui.live.choice import wants_view

if TYPE_CHECKING:
    from lockstep.host.options import RunOptions
    from lockstep.host.result import RunResult
    from lockstep.monitor.status import Observer


@dataclasses.dataclass
class Viewed:
    """How to run something that is looked at, or isn't."""

    options: RunOptions
    observers: list[Observer]
    is_shown: bool = False

    def summarize(self, result: RunResult) -> None:
        """After the view is gone: what its last figures would have said."""
        if self.is_shown:
            from lockstep.ui.view.summary import summary

            say(summary(result))


@contextlib.contextmanager
def viewed(guest: str, options: RunOptions, *, plain: bool) -> Iterator[Viewed]:
    """Within: a live view, unless the user wants it `plain` or the terminal can't. Runs may go on without one."""
    if plain or not wants_view(os.environ):
        yield Viewed(options, [])
        return
    from lockstep.ui.live.link import live_view

    takes_keys = options.live_input == STDIN
    with live_view(guest, takes_keys=takes_keys, write_plain=write_stdout) as view:
        keys = view.keys if takes_keys else options.live_input
        shown = dataclasses.replace(options, live_input=keys, write_console=view.write)
        yield Viewed(shown, [view.observe], is_shown=True)
