"""The signals by which a user, a terminal or a service manager ends a run in order."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def on_ending_signals(act: Callable[[], None]) -> Iterator[None]:
    """Within, each of them does `act`, in the main thread, which is the caller.

    What was started by nohup outlives its terminal: a SIGHUP that is ignored stays so.
    """
    wanted = [number for number in ENDING_SIGNALS if not _is_kept_away(number)]
    before = [signal.signal(number, lambda number, frame: act()) for number in wanted]
    try:
        yield
    finally:
        for number, handler in zip(wanted, before, strict=True):
            signal.signal(number, handler)


def _is_kept_away(number: signal.Signals) -> bool:
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN
