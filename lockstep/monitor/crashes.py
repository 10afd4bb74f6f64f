"""Scheduled crashes: `--crash`, `--crash-every`, `--crash-unprotected`. Decides when; kills nobody itself."""

from __future__ import annotations

from collections.abc import Iterator

from lockstep.host.options import Crash, RunOptions


class CrashSchedule:
    """Which host is to die next, and when."""

    def __init__(self, options: RunOptions) -> None:
        """Follow `options`."""
        self._crashes = list(options.crashes)
        self._every_s = options.crash_every_s
        self._regardless = options.crash_unprotected
        self._next_at_s = options.crash_every_s
        self._alternate = self._alternation()

    @staticmethod
    def _alternation() -> Iterator[str]:
        while True:
            yield "primary"
            yield "secondary"

    def due(self, since_start_s: float, *, is_protected: bool) -> list[Crash]:
        """Crashes to carry out now, or to arm now where they wait for an icount. Each is returned once."""
        due: list[Crash] = []
        while self._crashes and (is_protected or self._regardless):
            crash = self._crashes[0]
            if crash.after_s is not None and since_start_s < crash.after_s:
                break
            due.append(self._crashes.pop(0))
            if not self._regardless:
                return due
        if (
            self._every_s
            and self._next_at_s is not None
            and since_start_s >= self._next_at_s
            and is_protected
        ):
            self._next_at_s = since_start_s + self._every_s
            due.append(Crash(next(self._alternate), after_s=since_start_s))
        return due

    @property
    def left(self) -> list[Crash]:
        """Crashes that did not come about."""
        return list(self._crashes)

    @property
    def next_at_s(self) -> float | None:
        """Seconds since start of the next crash that is set by time."""
        times = [crash.after_s for crash in self._crashes[:1] if crash.after_s is not None]
        if self._next_at_s is not None:
            times.append(self._next_at_s)
        return min(times, default=None)
