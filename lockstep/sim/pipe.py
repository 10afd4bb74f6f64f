"""The way of a machine's state from a forked copy of the primary to a new host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockstep.ft.output import Retention
from lockstep.sim.machine import ToyMachine

if TYPE_CHECKING:
    from lockstep.sim.host import SimulatedHost
    from lockstep.sim.world import World

_TRANSFER_US = (500, 150_000)


class Pipe:
    """Open until the state is through or it breaks off; the copy that writes may die alone."""

    def __init__(self, world: World) -> None:
        """Nobody has an end of it yet."""
        self.world = world
        self.writer: SimulatedHost | None = None
        """Who is to fork; None once the copy was forked off."""
        self.reader: SimulatedHost | None = None
        self.is_broken = False
        self.is_sending = False
        self.has_begun = False
        """Something of the state may have come through."""
        self._state: tuple[ToyMachine, Retention] | None = None

    def read(self, reader: SimulatedHost) -> None:
        """`reader` waits for the state."""
        self.reader = reader
        self._deliver()

    def fork(self, machine: ToyMachine, retention: Retention) -> None:
        """A copy of these is frozen here and now; it takes its time to arrive."""
        kept = Retention(retention.base, retention.piece(retention.base, retention.end))
        self.writer, self.is_sending, self.has_begun = None, True, True
        self.world.schedule.after(self.world.delay_us(*_TRANSFER_US), self._arrive, machine.copy(), kept)

    def _arrive(self, machine: ToyMachine, retention: Retention) -> None:
        self.is_sending = False
        if not self.is_broken:
            self._state = machine, retention
            self._deliver()

    def break_off(self) -> None:
        """Whoever was to write is gone."""
        if self._state is None:
            self.is_broken, self.is_sending = True, False
            self._deliver()

    def _deliver(self) -> None:
        reader = self.reader
        if reader is None or not (self.is_broken or self._state) or not reader.runs(self._deliver):
            return
        if self._state is not None:
            reader.thread.receive(*self._state)
        elif not self.has_begun:
            reader.die("there is no state to come")
        else:
            reader.fail("the clone's state broke off: its primary died", 125)
        self.reader = None
