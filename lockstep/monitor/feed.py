"""What goes to those who watch a pair: handed from the monitor's thread to the control server's, and there to clients.

A watcher that reads slowly misses some of it, and is told how much.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from lockstep.host.messages import Watched
from lockstep.log.entry import KIND_NAMES
from lockstep.monitor import control_messages as c
from lockstep.monitor.status import Happening

QUEUED_MAX = 500
News = tuple[int, Watched] | Happening


class Feed:
    """Between two threads. The monitor's side never waits."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called when there is something new."""
        self._wake = wake
        self._queue: deque[News] = deque()
        self._lost = 0
        """Entries and happenings that found no room here."""

    def watched(self, host: int, message: Watched) -> None:
        """In the monitor's thread: secondary number `host` told this."""
        self._put((host, message), len(message.entries) + message.entries_lost)

    def happened(self, happening: Happening) -> None:
        """In the monitor's thread: this happened."""
        self._put(happening, 1)

    def _put(self, news: News, entries: int) -> None:
        if len(self._queue) >= QUEUED_MAX:
            self._lost += entries
        else:
            self._queue.append(news)
        self._wake()

    def take(self) -> Iterator[News | int]:
        """In the server's thread: what is new; a number is of events that were lost."""
        while self._queue:
            yield self._queue.popleft()
        if self._lost:
            lost, self._lost = self._lost, 0
            yield lost


def answers(news: News | int, wanted: c.Watch) -> Iterator[c.Answer]:
    """What a client that wants `wanted` is told of `news`."""
    if isinstance(news, int):
        yield c.Gap(events=news)
    elif isinstance(news, Happening):
        if wanted.events and (wanted.kinds is None or news.kind in wanted.kinds):
            yield c.Happened(happening=news)
    else:
        yield from _of_secondary(*news, wanted)


def _of_secondary(host: int, message: Watched, wanted: c.Watch) -> Iterator[c.Answer]:
    if wanted.events:
        for kind, icount, position, payload in message.entries:
            name = KIND_NAMES.get(kind, str(kind))
            if wanted.kinds is None or name in wanted.kinds:
                yield c.Event(host=host, icount=icount, position=position, kind=name, payload=payload)
    events = message.entries_lost if wanted.events else 0
    console = message.console_lost if wanted.console else 0
    if events or console:
        yield c.Gap(events=events, console_bytes=console)
    if wanted.console and message.console:
        yield c.ConsoleText(host=host, offset=message.console_offset, data=message.console)
