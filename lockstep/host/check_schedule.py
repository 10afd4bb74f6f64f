"""When a primary checks, and which pages of RAM a check covers. No I/O and no clock."""

from __future__ import annotations

from lockstep.host.options import CheckIntervals


class CheckSchedule:
    """Registers and devices at every check, RAM in slices that go round: all of it within one interval.

    How much of RAM a check covers follows from the time since the one before, so that checks which come late, as
    they do when the guest parks or the log is full, don't make the round longer.
    """

    def __init__(self, intervals: CheckIntervals, pages: int, now_s: float) -> None:
        """RAM has `pages`; the first check is due one interval after `now_s`."""
        self._intervals = intervals
        self._pages = pages
        self._next_page = 0
        self._owed_pages = 0.0
        self.restart(now_s)

    def restart(self, now_s: float) -> None:
        """As if a check had been made at `now_s`: what nobody compared before counts for nothing."""
        self._last_s = now_s

    def until_due_s(self, now_s: float) -> float | None:
        """Seconds from `now_s` to the next check, 0 when it is due; None: there are no checks."""
        every_s = self._intervals.every_s
        return None if every_s is None else max(self._last_s + every_s - now_s, 0.0)

    def is_due(self, now_s: float) -> bool:
        """Whether a check is due at `now_s`."""
        return self.until_due_s(now_s) == 0.0

    def take(self, now_s: float) -> tuple[int, int]:
        """The check is made at `now_s`: the first page that it covers, and how many. They don't go beyond RAM's end."""
        elapsed_s, self._last_s = now_s - self._last_s, now_s
        ram_every_s = self._intervals.ram_every_s
        if ram_every_s is None:
            return 0, 0
        self._owed_pages = min(self._owed_pages + self._pages * elapsed_s / ram_every_s, self._pages)
        first = self._next_page
        count = min(round(self._owed_pages), self._pages - first)
        self._owed_pages -= count
        self._next_page = (first + count) % self._pages
        return first, count
