"""What can go wrong, and whether the pair can bear it just then."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lockstep.ft.status import Protection

if TYPE_CHECKING:
    from lockstep.sim.host import SimulatedHost
    from lockstep.sim.world import World

_SUSPECT_US = 600_000
"""How long after a fault the monitor may still take a host for dead because of it."""
_ABOUT_HEARTBEAT_US = (230_000, 330_000)

Mishap = Callable[[bool], bool]
"""Told whether to hit a pair that can't bear it; says whether it came about."""


class Mishaps:
    """Brings faults about, and remembers what may come of them."""

    def __init__(self, world: World) -> None:
        """Nothing has gone wrong."""
        self._world = world
        self._suspect_until_us: dict[int, int] = {}
        self.may_lose_guest = False
        """A fault hit while nobody could have taken over."""

    def all(self) -> tuple[Mishap, ...]:
        """What can be drawn, some more often than others. Each says whether it came about."""
        return (
            *[self._crash_primary] * 4,
            *[self._crash_secondary] * 2,
            self._crash_new,
            self._crash_anyone,
            *[self._stop_primary] * 2,
            *[self._stop_secondary] * 2,
            self._split_monitor,
            self._delay_monitor,
            self._slow_secondary,
            self._block_console,
            self._fail_disk,
            self._disturb_log,
            self._flip_bit,
        )

    def to_hosts(self) -> tuple[Callable[[SimulatedHost], None], ...]:
        """What can happen to whichever host has just dealt with a message."""
        return (self._crash, self._crash, self._stop, self._crash_copy, self._split, self._slow)

    # Whether the pair can bear it.

    def _is_sound(self, host: SimulatedHost | None) -> bool:
        now_us = self._world.schedule.now_us
        return (
            host is not None
            and host.is_alive
            and not host.is_condemned
            and not host.is_flipped
            and self._suspect_until_us.get(host.number, 0) < now_us
        )

    def _can_bear(self, victim: SimulatedHost) -> bool:
        """Whether the guest survives the death of `victim`."""
        world = self._world
        protector = world.supervisor.protector
        if protector.status is not Protection.PROTECTED or protector.primary is None:
            return False
        primary, secondary = world.primary, world.secondary
        if victim is primary:
            return self._is_sound(secondary) and self._is_sound(primary)
        return self._is_sound(primary)

    def _consider(self, victim: SimulatedHost, suspect_us: int = _SUSPECT_US) -> None:
        if not self._can_bear(victim):
            self.may_lose_guest = True
        until_us = self._world.schedule.now_us + suspect_us
        self._suspect_until_us[victim.number] = max(until_us, self._suspect_until_us.get(victim.number, 0))

    def _may_hit(self, victim: SimulatedHost | None, regardless: bool) -> bool:
        return victim is not None and victim.is_alive and (regardless or self._can_bear(victim))

    # What.

    def _crash(self, host: SimulatedHost) -> None:
        self._consider(host)
        host.die("crash")

    def _stop(self, host: SimulatedHost) -> None:
        # Often so long that it wakes while it is being replaced.
        about_limit = self._world.random.random() < 0.5
        duration_us = self._world.delay_us(*(_ABOUT_HEARTBEAT_US if about_limit else (5_000, 900_000)))
        self._consider(host, duration_us + _SUSPECT_US)
        self._world.say(host, "is stopped for", duration_us)
        host.stopped_until_us = max(host.stopped_until_us, self._world.schedule.now_us + duration_us)

    def _split(self, host: SimulatedHost) -> None:
        duration_us = self._world.delay_us(5_000, 900_000)
        self._consider(host, duration_us + _SUSPECT_US)
        self._world.say(host, "and the monitor don't hear each other for", duration_us)
        host.split_until_us = max(host.split_until_us, self._world.schedule.now_us + duration_us)

    def _crash_copy(self, host: SimulatedHost) -> None:
        """The forked copy dies that sends the state to a new host."""
        for pipe in self._world.fleet.pipes():
            if pipe.is_sending:
                self._world.say("the copy", "dies")
                if pipe.reader is not None:
                    self._consider(pipe.reader)
                pipe.break_off()

    def _crash_primary(self, regardless: bool) -> bool:
        return self._hit(self._world.primary, regardless, self._crash)

    def _crash_secondary(self, regardless: bool) -> bool:
        return self._hit(self._world.secondary, regardless, self._crash)

    def _stop_primary(self, regardless: bool) -> bool:
        """Often because the whole machine is busy: then the other one isn't quick either."""
        if not self._hit(self._world.primary, regardless, self._stop):
            return False
        if self._world.secondary is not None and self._world.random.random() < 0.5:
            self._slow(self._world.secondary)
        return True

    def _stop_secondary(self, regardless: bool) -> bool:
        return self._hit(self._world.secondary, regardless, self._stop)

    def _hit(
        self, victim: SimulatedHost | None, regardless: bool, fault: Callable[[SimulatedHost], None]
    ) -> bool:
        if victim is None or not self._may_hit(victim, regardless):
            return False
        fault(victim)
        return True

    def _crash_new(self, regardless: bool) -> bool:
        """A host that is still in the making, or the copy that it gets its state from."""
        making = self._world.supervisor.protector.reprotection
        if making is None:
            return False
        new = self._world.process(making.host)
        if self._world.random.random() < 0.5:
            self._crash_copy(new)
        else:
            self._crash(new)
        return True

    def _crash_anyone(self, regardless: bool) -> bool:
        """Whatever it is just now: waiting for a role, let go of, or needed."""
        victim = self._world.random.choice(self._world.fleet.processes)
        return self._hit(victim, regardless, self._crash)

    def _split_monitor(self, regardless: bool) -> bool:
        victim = self._world.random.choice((self._world.primary, self._world.secondary))
        return self._hit(victim, regardless, self._split)

    def _delay_monitor(self, regardless: bool) -> bool:
        duration_us = self._world.delay_us(5_000, 800_000)
        self._world.say("monitor", "is held up for", duration_us)
        self._world.monitor.stopped_until_us = self._world.schedule.now_us + duration_us
        return True

    def _slow_secondary(self, regardless: bool) -> bool:
        victim = self._world.secondary
        if victim is None:
            return False
        self._slow(victim)
        return True

    def _slow(self, host: SimulatedHost) -> None:
        duration_us = self._world.delay_us(50_000, 800_000)
        host.slowness = self._world.random.randrange(2, 20)
        self._world.say(host, "is slow for", duration_us)
        self._world.schedule.after(duration_us, setattr, host, "slowness", 1)

    def _flip_bit(self, regardless: bool) -> bool:
        """A soft error in the secondary. Nobody could help a pair that loses its primary before it is found."""
        victim = self._world.secondary
        if victim is None or victim.ended is not None or not self._can_bear(victim):
            return False
        self._consider(victim)
        bit = self._world.random.randrange(64)
        self._world.say(victim, "has bit", bit, "flipped")
        victim.machine.flip(bit)
        victim.is_flipped = True
        return True

    def _block_console(self, regardless: bool) -> bool:
        duration_us = self._world.delay_us(20_000, 500_000)
        self._world.say("console", "isn't read for", duration_us)
        self._world.console.blocked_until_us = self._world.schedule.now_us + duration_us
        return True

    def _fail_disk(self, regardless: bool) -> bool:
        """The file takes no more."""
        self._world.devices.file.is_failing = True
        return True

    def _disturb_log(self, regardless: bool) -> bool:
        """The connection between the hosts breaks, or is silent for a while."""
        secondary = self._world.secondary
        connection = None if secondary is None else self._world.listeners.get(secondary.number)
        if secondary is None or connection is None or not self._may_hit(secondary, regardless):
            return False
        if self._world.random.random() < 0.5:
            self._consider(secondary)
            self._world.say("the log to", secondary, "breaks")
            connection.break_off()
            return True
        duration_us = self._world.delay_us(5_000, 1_800_000)
        self._consider(secondary, duration_us + 2 * _SUSPECT_US)
        self._world.say("the log to", secondary, "is silent for", duration_us)
        connection.delayed_until_us = self._world.schedule.now_us + duration_us
        return True
