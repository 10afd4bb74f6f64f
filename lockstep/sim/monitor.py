"""The monitor's shell in the simulation: the loop around the real decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockstep.host import messages as m
from lockstep.sim.host import SimulatedHost

if TYPE_CHECKING:
    from lockstep.sim.world import World

TICK_US = 20_000


class Monitor:
    """Reads what hosts said, looks at the clock, lets `Supervisor` decide."""

    def __init__(self, world: World) -> None:
        """Starts at once."""
        self._world = world
        self.stopped_until_us = 0
        self._mail: list[tuple[SimulatedHost, m.AnyMessage | None]] = []
        self._is_polling = self._has_begun = self._is_ending = False
        self.is_over = False
        world.schedule.at(0, self._start)

    def _start(self) -> None:
        self._world.supervisor.start(self._world.schedule.now_s)
        self._tick()

    def post(self, host: SimulatedHost, message: m.AnyMessage | None) -> None:
        """Something arrived from `host`; None: its connection has ended."""
        self._mail.append((host, message))
        if not self._is_polling:
            self._is_polling = True
            self._world.schedule.after(self._world.delay_us(10, 500), self._poll)

    def _runs(self, call: Any) -> bool:
        schedule = self._world.schedule
        if self.stopped_until_us <= schedule.now_us:
            return True
        schedule.at(self.stopped_until_us, call)
        return False

    def _poll(self) -> None:
        if self._runs(self._poll):
            self._is_polling = False
            self._read()

    def _read(self) -> None:
        world = self._world
        mail, self._mail = self._mail, []
        for host, message in mail:
            handle = world.fleet.known[host.number]
            if message is None:
                world.supervisor.gone(handle, world.schedule.now_s)
                continue
            world.say("monitor", "hears from", host, message)
            world.supervisor.hear(handle, message, world.schedule.now_s)
            if isinstance(message, m.Output):
                world.checks.accepted(host, message.generation, world.console.latest)
            world.faults.said(host, message)

    @property
    def _is_all_taken(self) -> bool:
        """Whether nothing more gets to the guest's disk: as in the real monitor's end of a run."""
        world = self._world
        return world.supervisor.ending.reason in ("no-host", "divergence") or world.devices.is_drained

    def _tick(self) -> None:
        if not self._runs(self._tick):
            return
        world, supervisor = self._world, self._world.supervisor
        now_s = world.schedule.now_s
        self._read()
        self._has_begun = self._has_begun or supervisor.has_begun
        if self._has_begun:
            for host in supervisor.silent(now_s):
                world.say("monitor", "finds silent: host", host.number)
                supervisor.give_up(host, now_s)
            if not self._is_ending:
                world.type_something()
                world.receive_something()
                supervisor.tick(now_s)
                self._is_ending = supervisor.is_over(now_s)
            self.is_over = self._is_ending and self._is_all_taken
        world.schedule.after(TICK_US, self._tick)
