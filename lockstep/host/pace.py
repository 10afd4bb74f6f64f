"""`--clock host`: guest time follows real time.

Guest time is the position plus an offset that only moves forward: it is pushed when the guest lags, and a
guest that is ahead has to wait.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lockstep.host.entries import clock_payload

if TYPE_CHECKING:
    from lockstep.machine.machine import Machine

SLICE_POSITIONS = 2_000_000
"""How far a guest may run before its time is looked at: 2 ms of guest time."""
AHEAD_NS_MAX = 20_000_000
"""How far guest time may run ahead before the guest waits: what it gains in quick parts it spends in slow ones."""
LAG_NS_MAX = 1_000_000
"""How far guest time may lag before a guest that runs is told."""
NS_PER_S = 1_000_000_000


class Pace:
    """Real time since the guest's start, and what it asks of the guest."""

    def __init__(self, machine: Machine) -> None:
        """Start now: guest time goes on from what it is, at the pace of real time."""
        self._machine = machine
        self._start_ns = time.monotonic_ns() - machine.guest_ns

    @property
    def real_ns(self) -> int:
        """Real time since the start."""
        return time.monotonic_ns() - self._start_ns

    @property
    def lag_ns(self) -> int:
        """How far guest time is behind real time; below 0 if it is ahead."""
        return self.real_ns - self._machine.guest_ns

    def correction(self, lag_ns_max: int = 0) -> bytes | None:
        """The payload of the CLOCK entry that ends the guest's lag; None: it lags by `lag_ns_max` at most."""
        lag_ns = self.lag_ns
        if lag_ns <= lag_ns_max:
            return None
        return clock_payload(int(self._machine.board["time_offset_ns"]) + lag_ns)

    def catch_up(self) -> None:
        """Move guest time forward to real time, never backward, on a machine whose log nobody keeps."""
        self._machine.board["time_offset_ns"] += max(self.lag_ns, 0)

    @property
    def ahead_s(self) -> float:
        """How long a guest that is too far ahead has to wait; 0 if it isn't."""
        ahead_ns = self._machine.guest_ns - self.real_ns
        return ahead_ns / NS_PER_S if ahead_ns >= AHEAD_NS_MAX else 0.0

    @property
    def until_event_s(self) -> float | None:
        """How long a parked guest sleeps by itself; None: until input comes."""
        from lockstep.machine.state import NEVER

        event_ns = self._machine.next_event_ns
        return None if event_ns >= NEVER else max(event_ns - self.real_ns, 0) / NS_PER_S
