"""The log's way between two simulated hosts over a connection between two rings, of which each host has one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from lockstep.sim.machine import Entry
from lockstep.sim.ring import Ring

if TYPE_CHECKING:
    from lockstep.sim.host import SimulatedHost
    from lockstep.sim.world import World

ACK_LIMIT_US = 1_000_000
"""As the real channel's: a secondary that acknowledges nothing for so long counts as lost."""
_CARRY_US = (300, 2_000)
_FRAME_ENTRIES_MAX = 4


class PrimaryEnd:
    """The primary's side of a connection."""

    def __init__(self, connection: Connection) -> None:
        """Its ring is its own."""
        self._connection = connection
        self.ring = connection.primary_ring
        self.acknowledged = 0

    def held(self) -> int:
        """What the secondary has acknowledged."""
        return self.acknowledged

    def cut(self) -> None:
        """Only a secondary cuts."""
        raise AssertionError("a primary can't cut its own log")

    def moved(self) -> None:
        """Have it carried."""
        self._connection.carry_soon()

    def close(self) -> None:
        """The connection ends."""
        self._connection.is_closed = True


class SecondaryEnd:
    """The secondary's side."""

    def __init__(self, connection: Connection) -> None:
        """Its ring is its own."""
        self._connection = connection
        self.ring = connection.secondary_ring

    def held(self) -> int:
        """What has arrived."""
        return self.ring.horizon

    def cut(self) -> None:
        """No acknowledgement after this; what arrived stays."""
        self._connection.is_cut = True
        self.ring.seal()

    def moved(self) -> None:
        """There is room again, and something to acknowledge."""
        self._connection.take()

    def close(self) -> None:
        """The connection ends."""
        self._connection.is_closed = True


class Connection:
    """Frames one way, acknowledgements the other, each in order; it may be slow, and it may break for good."""

    def __init__(self, world: World, secondary: SimulatedHost, capacity: int) -> None:
        """The secondary listens; nobody has connected."""
        generation = world.supervisor.protector.sink.generation
        self.world = world
        self.secondary = secondary
        self.primary: SimulatedHost | None = None
        self.primary_ring = Ring(generation, secondary.number, capacity)
        self.secondary_ring = Ring(generation, secondary.number, capacity)
        self.primary_end, self.secondary_end = PrimaryEnd(self), SecondaryEnd(self)
        self.is_cut = self.is_broken = self.is_closed = False
        self.delayed_until_us = 0
        self._lost: Callable[[], None] = lambda: None
        self._frames: deque[tuple[int, list[Entry]]] = deque()
        """Frames that arrived and that the secondary hasn't put into its ring yet."""
        self._is_carrying = self._is_acknowledging = False
        self._frame_at_us = self._ack_at_us = self._heard_at_us = 0

    def connect(self, primary: SimulatedHost, lost: Callable[[], None]) -> PrimaryEnd:
        """The primary comes. `lost` is called once if the connection breaks while it is open."""
        self.primary, self._lost = primary, lost
        self._heard_at_us = self.world.schedule.now_us
        self._watch()
        return self.primary_end

    def break_off(self) -> None:
        """What is on its way is gone; the primary will notice."""
        if not self.is_broken:
            self.is_broken = True
            self.world.schedule.after(self.world.delay_us(100, 20_000), self._notice)

    def _notice(self) -> None:
        primary = self.primary
        if primary is not None and primary.runs(self._notice) and not self.is_closed:
            self.is_closed = True
            self._lost()

    def _watch(self) -> None:
        """A secondary that acknowledges nothing for long counts as lost."""
        schedule = self.world.schedule
        if self.is_closed or self.is_broken or self.primary is None or not self.primary.is_alive:
            return
        if schedule.now_us - self._heard_at_us > ACK_LIMIT_US:
            self.break_off()
            return
        self.carry_soon()
        schedule.after(ACK_LIMIT_US // 4, self._watch)

    # From the primary to the secondary.

    def carry_soon(self) -> None:
        """Send what there is, soon."""
        if not self._is_carrying:
            self._is_carrying = True
            self.world.schedule.after(self.world.delay_us(*_CARRY_US), self._carry)

    def _carry(self) -> None:
        assert self.primary is not None
        if not self.primary.runs(self._carry):
            return
        self._is_carrying = False
        if self.is_closed or self.is_broken:
            return
        # As in the real channel: the horizon is read first, and goes with the last entry below it.
        ring = self.primary_ring
        entries: list[Entry] = []
        horizon = ring.published
        while ring.peek() is not None and len(entries) < _FRAME_ENTRIES_MAX:
            entries.append(ring.pop())
        if ring.peek() is not None:
            horizon = 0
            self.carry_soon()
        at_us = self.world.schedule.now_us + self.world.delay_us(50, 3_000)
        self._frame_at_us = max(self._frame_at_us, at_us, self.delayed_until_us)
        self.world.schedule.at(self._frame_at_us, self._arrive, horizon, entries)

    def _arrive(self, horizon: int, entries: list[Entry]) -> None:
        if not self.is_broken and self.secondary.is_alive:
            self._frames.append((horizon, entries))
            self.take()

    def take(self) -> None:
        """In the secondary: put frames into its ring as it has room, and acknowledge them."""
        if self._frames and not self.is_cut and self.secondary.runs(self.take):
            ring = self.secondary_ring
            while self._frames:
                horizon, entries = self._frames[0]
                while entries and ring.append(entries[0]):
                    entries.pop(0)
                if entries:
                    break
                ring.publish(horizon)
                self._frames.popleft()
            self.secondary.wake()
        if not self._is_acknowledging:
            self._is_acknowledging = True
            self.world.schedule.after(self.world.delay_us(*_CARRY_US), self._acknowledge)

    def _acknowledge(self) -> None:
        if not self.secondary.runs(self._acknowledge):
            return
        self._is_acknowledging = False
        if self.is_cut or self.is_broken:
            return
        ring = self.secondary_ring
        at_us = self.world.schedule.now_us + self.world.delay_us(50, 3_000)
        self._ack_at_us = max(self._ack_at_us, at_us, self.delayed_until_us)
        self.world.schedule.at(self._ack_at_us, self._hear, ring.horizon, ring.acknowledged)

    def _hear(self, held: int, executed: int) -> None:
        if self.is_broken or self.primary is None or not self.primary.runs(self._hear, held, executed):
            return
        self._heard_at_us = self.world.schedule.now_us
        self.primary_end.acknowledged = max(self.primary_end.acknowledged, held)
        self.primary_ring.acknowledge(executed)
