"""Made-up statuses of a pair, for tests of what is drawn of them."""

from __future__ import annotations

from typing import Any

from lockstep.monitor.status import Happening, HostStatus, Status
from lockstep.ui.terminal.emulator import Emulator
from lockstep.ui.view.layout import console_size
from lockstep.ui.view.model import Model

PRIMARY = HostStatus(number=2, role="primary", pid=4711, icount=1_252_641_223, behind_positions=0)
SECONDARY = HostStatus(number=3, role="secondary", pid=4712, icount=1_252_600_000, behind_positions=41_223)
HAPPENINGS = [
    Happening(at_s=0.0, kind="start", text="linux runs on hosts 1 and 2"),
    Happening(at_s=12.31, kind="host-lost", text="host 1 (primary) is lost: it died"),
    Happening(at_s=12.314, kind="failover", text="host 2 goes live as primary of generation 2"),
    Happening(at_s=12.36, kind="clone", text="host 3 is the new secondary, after 38 ms"),
]


def make_status(number: int = 0, **changes: Any) -> Status:
    """The status number `number` of a pair that runs, four a second."""
    fields: dict[str, Any] = {
        "name": "linux",
        "monitor_pid": 4700,
        "guest": "linux",
        "clock": "host",
        "channel": "shm",
        "harts": 1,
        "memory_bytes": 256 << 20,
        "uptime_s": number / 4,
        "protection": "Protected",
        "reason": "",
        "generation": 2,
        "hosts": [SECONDARY, PRIMARY],
        "icount": PRIMARY.icount,
        "mips": 300.0 + number % 7,
        "interval_ms": 0.5 + number % 5 / 10,
        "log_entries": 1000 + 60 * number,
        "log_bytes": 24_000 + 3000 * number,
        "log_kinds": {"CLOCK": 900 + 55 * number, "INPUT": 12, "CHECK": 88 + 5 * number},
        "checks_compared": 420,
        "checks_mismatched": 0,
        "console_bytes": 30_000,
        "failovers": [{"generation": 2, "icount": 5, "detect_ms": 1.0, "blackout_ms": 3.8}],
        "clones": [{"icount": 1, "pause_ms": 2.2, "total_ms": 38.0, "bytes": 9_100_000}],
        "happenings": HAPPENINGS,
    }
    return Status(**{**fields, **changes})


def make_model(columns: int, lines: int, output: bytes = b"", **changes: Any) -> Model:
    """A view of that size after 20 statuses, the last one with `changes`."""
    model = Model("linux", Emulator(*console_size(columns, lines)))
    model.emulator.feed(output)
    for number in range(20):
        model.take(make_status(number, **(changes if number == 19 else {})))
    return model
