"""A pair that only says how it stands, for those who look at pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockstep.host.messages import Watched
from lockstep.host.options import Remote
from lockstep.monitor.status import Happening, HostStatus, Status

STATUS: dict[str, Any] = {
    "name": "guest",
    "monitor_pid": 4711,
    "guest": "guest",
    "clock": "host",
    "channel": "shm",
    "harts": 1,
    "memory_bytes": 1 << 27,
    "uptime_s": 12.5,
    "protection": "Protected",
    "reason": "",
    "generation": 2,
    "hosts": [
        HostStatus(number=2, role="primary", pid=12, icount=5000, behind_positions=0),
        HostStatus(number=3, role="secondary", pid=13, icount=4990, behind_positions=10),
    ],
    "icount": 5000,
    "mips": 321.5,
    "interval_ms": 1.25,
    "log_entries": 7,
    "log_bytes": 700,
    "log_kinds": {"clock": 5, "check": 2},
    "checks_compared": 3,
    "checks_mismatched": 0,
    "console_bytes": 42,
    "failovers": [{"generation": 2, "icount": 900, "detect_ms": 1.0, "blackout_ms": 7.5}],
    "clones": [{"icount": 950, "pause_ms": 2.0, "total_ms": 80.0, "bytes": 1000}],
    "happenings": [],
}


class FakePair:
    """A `StatusSource`."""

    def __init__(self, name: str = "guest", **changes: Any) -> None:
        self.name = name
        self.remote = Remote()
        self.changes = changes
        self.watchers: list[Callable[[int, Watched], None]] = []
        self.listeners: list[Callable[[Happening], None]] = []

    def status(self) -> Status:
        return Status(**{**STATUS, "name": self.name, **self.changes})

    def watch(self, watcher: Callable[[int, Watched], None]) -> None:
        self.watchers.append(watcher)

    def unwatch(self, watcher: Callable[[int, Watched], None]) -> None:
        self.watchers = [one for one in self.watchers if one != watcher]

    def listen(self, listener: Callable[[Happening], None]) -> None:
        self.listeners.append(listener)
