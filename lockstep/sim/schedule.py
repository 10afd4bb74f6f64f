"""Virtual time: what is to happen, in order of time, and of insertion where times are equal."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

US_PER_S = 1_000_000


class Schedule:
    """Events to come. Time is a whole number of microseconds, so that sums are exact."""

    def __init__(self) -> None:
        """Time starts at 0."""
        self.now_us = 0
        self._events: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._inserted = 0

    @property
    def now_s(self) -> float:
        """The same in seconds, as the monitor's decisions want it."""
        return self.now_us / US_PER_S

    def at(self, time_us: int, call: Callable[..., None], *arguments: Any) -> None:
        """Have `call` called at `time_us`, or now if that is past."""
        self._inserted += 1
        if time_us < self.now_us:
            time_us = self.now_us
        heapq.heappush(self._events, (time_us, self._inserted, call, arguments))

    def after(self, delay_us: int, call: Callable[..., None], *arguments: Any) -> None:
        """Have `call` called in `delay_us`."""
        self._inserted += 1
        heapq.heappush(self._events, (self.now_us + delay_us, self._inserted, call, arguments))

    def run(self, until_us: int, is_done: Callable[[], bool]) -> None:
        """Let time pass until `until_us`, or until `is_done` after some event."""
        events = self._events
        while events and events[0][0] <= until_us and not is_done():
            self.now_us, _, call, arguments = heapq.heappop(events)
            call(*arguments)
        if not is_done():
            self.now_us = until_us
