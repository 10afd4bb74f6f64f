"""How a pair's figures went lately: rates from one status to the next."""

from __future__ import annotations

from collections import deque

from lockstep.monitor.status import Status

SAMPLES_MAX = 240


class Series:
    """Figures of the last statuses, oldest first."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._before: Status | None = None
        self.interval_ms: deque[float] = deque(maxlen=SAMPLES_MAX)
        self.mips: deque[float] = deque(maxlen=SAMPLES_MAX)
        self.log_bytes_per_s: deque[float] = deque(maxlen=SAMPLES_MAX)
        self.kinds_per_s: dict[str, deque[float]] = {}

    def add(self, status: Status) -> None:
        """`status` is how it stands now."""
        before, self._before = self._before, status
        self.interval_ms.append(status.interval_ms)
        self.mips.append(status.mips)
        if before is None or status.uptime_s <= before.uptime_s:
            return
        elapsed_s = status.uptime_s - before.uptime_s
        # A count that falls is that of another host, which counts anew.
        self.log_bytes_per_s.append(max(status.log_bytes - before.log_bytes, 0) / elapsed_s)
        for kind, count in status.log_kinds.items():
            rates = self.kinds_per_s.setdefault(kind, deque(maxlen=SAMPLES_MAX))
            rates.append(max(count - before.log_kinds.get(kind, 0), 0) / elapsed_s)


def latest(values: deque[float]) -> float:
    """Smoothed over the last few, so that it can be read."""
    recent = list(values)[-4:]
    return sum(recent) / len(recent) if recent else 0.0
