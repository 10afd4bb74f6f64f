"""What goes wrong, drawn from the seed: at random times, and at the moments where the protocol changes something."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lockstep.host import messages as m
from lockstep.sim.mishaps import Mishap, Mishaps

if TYPE_CHECKING:
    from lockstep.sim.host import SimulatedHost
    from lockstep.sim.world import World

PHASE_US = 2_500_000
"""How long things go wrong; what is under way then still takes its course."""
_FAULTS_MAX = 6
_ATTEMPTS = 60
_ATTEMPT_EVERY_US = 25_000
_REGARDLESS_SHARE = 0.25
_ANOTHER_SHARE = 0.2
_ANOTHER_WITHIN_US = 600_000
"""Misfortunes rarely come alone."""
_MOMENTS: tuple[type[m.Message], ...] = (
    m.StartSecondary,
    m.StartPrimary,
    m.GoLive,
    m.GoAlone,
    m.GoAlone,
    m.GoAlone,
    m.Clone,
    m.Cloned,
    m.Received,
    m.CaughtUp,
    m.Live,
    m.Listening,
    m.ChannelLost,
    m.Ended,
    m.InputTaken,
)


class Faults:
    """Draws faults and brings them about."""

    def __init__(self, world: World) -> None:
        """Plan the whole run."""
        self._world = world
        self._mishaps = Mishaps(world)
        self._armed: list[tuple[type[m.Message], Callable[[SimulatedHost], None]]] = []
        self._is_over = False
        self.count = 0
        random = world.random
        for _ in range(random.randrange(_FAULTS_MAX + 1)):
            at_us = random.randrange(PHASE_US)
            regardless = random.random() < _REGARDLESS_SHARE
            fault = random.choice(self._mishaps.all())
            if random.random() < 0.3:
                moment = random.choice(_MOMENTS)
                world.schedule.at(at_us, self._arm, moment, random.choice(self._mishaps.to_hosts()))
            else:
                world.schedule.at(at_us, self._attempt, fault, regardless, _ATTEMPTS)

    @property
    def may_lose_guest(self) -> bool:
        """A fault hit while nobody could have taken over: the guest may be lost, and nothing else."""
        return self._mishaps.may_lose_guest

    def end(self) -> None:
        """Nothing more goes wrong from now on."""
        self._is_over = True
        self._armed.clear()

    # When.

    def _attempt(self, fault: Mishap, regardless: bool, left: int) -> None:
        if self._is_over or self._world.monitor.is_over:
            return
        if fault(regardless):
            self.count += 1
            if self._world.random.random() < _ANOTHER_SHARE:
                another = self._world.random.choice(self._mishaps.all())
                self._world.schedule.after(
                    self._world.delay_us(0, _ANOTHER_WITHIN_US), self._attempt, another, True, 1
                )
        elif left:
            self._world.schedule.after(_ATTEMPT_EVERY_US, self._attempt, fault, regardless, left - 1)

    def _arm(self, moment: type[m.Message], victim: Callable[[SimulatedHost], None]) -> None:
        self._armed.append((moment, victim))

    def heard(self, host: SimulatedHost, message: m.Message) -> None:
        """`host` has just dealt with `message`."""
        self._strike(host, message)

    def said(self, host: SimulatedHost, message: m.AnyMessage) -> None:
        """The monitor has just dealt with `message` from `host`."""
        self._strike(host, message)

    def _strike(self, host: SimulatedHost, message: m.Message) -> None:
        for armed in self._armed:
            if isinstance(message, armed[0]):
                self._armed.remove(armed)
                late_us = self._world.random.choice((0, 0, 5_000, 60_000))
                self._world.schedule.after(late_us, self._befall, armed[1], host)
                return

    def _befall(self, fault: Callable[[SimulatedHost], None], host: SimulatedHost) -> None:
        if host.is_alive and not self._is_over:
            self.count += 1
            fault(host)
