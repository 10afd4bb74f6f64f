"""Where the guest's output goes in the simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockstep.sim.world import World


class SimulatedConsole:
    """Whoever reads the output takes time for it."""

    def __init__(self, world: World) -> None:
        """Nothing was written."""
        self._world = world
        self.written = 0
        self.latest = b""
        """What came last."""
        self.blocked_until_us = 0
        self._written_at_us = 0

    def put(self, data: bytes) -> None:
        """It counts as written somewhat later."""
        self.latest = data
        if data:
            self._world.say("sink takes", len(data), "bytes")
            schedule, delay_us = self._world.schedule, self._world.delay_us(20, 3_000)
            self._written_at_us = max(self._written_at_us, schedule.now_us + delay_us, self.blocked_until_us)
            schedule.at(self._written_at_us, self._write, len(data))

    def _write(self, count: int) -> None:
        self.written += count
