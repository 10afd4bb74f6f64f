"""Has native code ready before a script's first machine or pair."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterator

from lockstep.host.warm_up import warm_up
from lockstep.machine.compiled import ensure_compiled


@functools.cache
def prepare() -> None:
    """Once per process. The first time ever takes some twenty seconds, and is said on stderr."""
    ensure_compiled(_announced, warm_up, _say)


@contextlib.contextmanager
def _announced() -> Iterator[None]:
    _say("compiling native code (first run only) ...")
    yield


def _say(line: str) -> None:
    print(f"lockstep: {line}", file=sys.stderr, flush=True)
