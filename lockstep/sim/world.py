"""One seed's world: everything that happens in it follows from the seed."""

from __future__ import annotations

import random
from typing import Any

from lockstep.ft.status import Protection
from lockstep.host import messages as m
from lockstep.monitor.divergences import Divergences
from lockstep.monitor.parties import Host
from lockstep.monitor.supervisor import Supervisor
from lockstep.sim.arbiter import MemoryArbiter
from lockstep.sim.checks import Checks
from lockstep.sim.connection import Connection
from lockstep.sim.console import SimulatedConsole
from lockstep.sim.device_sink import DeviceSink
from lockstep.sim.faults import PHASE_US, Faults
from lockstep.sim.fleet import SimulatedFleet
from lockstep.sim.host import SimulatedHost
from lockstep.sim.machine import END_OF_INPUT
from lockstep.sim.monitor import Monitor
from lockstep.sim.parts import Parts
from lockstep.sim.schedule import Schedule

_NUMBERED = (m.Output, m.Input, m.InputTaken, m.SinkProgress)
"""Messages that may come twice, the second time late: their numbers say what is new in them."""
_TYPES_SHARE = 0.3
_INTERRUPTED_SHARE = 0.05
_POWER_CUT_SHARE = 0.05
_FRAME_SHARE = 0.3
INTERRUPTED = "interrupted"


class HastySupervisor(Supervisor):
    """The real one, that has little input under way at a time."""

    input_bytes_max = 6


class World:
    """Hosts, their monitor, and what lies between them."""

    def __init__(self, seed: int, parts: Parts, trace: list[str] | None = None) -> None:
        """Nothing has happened yet. What does is written to `trace`, if given."""
        self.random = random.Random(seed)
        self._draw = self.random.random
        self.schedule = Schedule()
        self.trace = trace
        self.parts = parts
        self.guest_seed = self.random.getrandbits(64)
        self.ring_capacity = self.random.choice((2, 4, 8, 64))
        self._double_share = self.random.choice((0.0, 0.02, 0.2))
        self._slow_kill_share = self.random.choice((0.0, 0.2, 0.8))
        self._types_end_early = self.random.random() < 0.3
        secret = self.random.choice((None, b"secret"))
        self.fleet = SimulatedFleet(self)
        self.devices = DeviceSink(self)
        self.console = SimulatedConsole(self)
        self.listeners: dict[int, Connection] = {}
        protector = parts.protector(self.fleet, MemoryArbiter(self), None, secret, self.devices)
        self.supervisor = HastySupervisor(self.fleet, protector, self.console, None, Divergences("reclone"))
        self.checks = Checks(self)
        self.monitor = Monitor(self)
        self.has_lost_power = False
        """Everything died at once."""
        self.faults = Faults(self)
        self.has_typed_end = False
        if self.random.random() < _INTERRUPTED_SHARE:
            self.schedule.at(self.random.randrange(PHASE_US), self._interrupt)
        elif self.random.random() < _POWER_CUT_SHARE:
            self.schedule.at(self.random.randrange(PHASE_US), self._cut_power)
        self.full_rings = 0
        self.is_spoiled = False
        """A machine with a soft error took over before it was found: nothing can be expected of it."""

    def delay_us(self, low: int, high: int) -> int:
        """Drawn between `low` and `high`, mostly nearer to `low`."""
        drawn = self._draw()
        return low + int((high - low) * drawn * drawn)

    def say(self, *what: object) -> None:
        """Write a line of the trace."""
        if self.trace is not None:
            self.trace.append(f"{self.schedule.now_us:>9} {' '.join(map(str, what))}")

    # Who is who, as the monitor has it.

    def process(self, host: Host) -> SimulatedHost:
        """The simulated process of `host`."""
        return self.fleet.known[host.number].process

    @property
    def primary(self) -> SimulatedHost | None:
        """The primary's process."""
        host = self.supervisor.protector.primary
        return None if host is None else self.process(host)

    @property
    def secondary(self) -> SimulatedHost | None:
        """The secondary's process, once it may win."""
        host = self.supervisor.protector.secondary
        return None if host is None else self.process(host)

    @property
    def is_protected(self) -> bool:
        """Whether the monitor says so, and it is true."""
        primary, secondary = self.primary, self.secondary
        says_so = self.supervisor.protector.status is Protection.PROTECTED
        return says_so and bool(primary and primary.is_alive and secondary and secondary.is_alive)

    # Between hosts and monitor: in order each way, at its own pace. Output has a way of its own to the sink, which
    # may be open while host and monitor don't hear each other.

    def send_to_host(self, host: SimulatedHost, message: m.Message, parcels: tuple[Any, ...]) -> None:
        """From the monitor. `parcels` is what comes along."""
        at_us = self.schedule.now_us + self.delay_us(20, 2_000) * host.slowness
        host.hears_at_us = max(host.hears_at_us, at_us, host.split_until_us)
        self.schedule.at(host.hears_at_us, host.hear, message, parcels)
        if isinstance(message, _NUMBERED) and self.random.random() < self._double_share:
            self.schedule.at(host.hears_at_us + self.delay_us(0, 50_000), host.hear, message, parcels)

    def send_to_monitor(self, host: SimulatedHost, message: m.AnyMessage | None) -> None:
        """From a host; None: its end of the connection is closed."""
        at_us = self.schedule.now_us + self.delay_us(20, 2_000) * host.slowness
        if isinstance(message, m.Output):
            host.written_at_us = at_us = max(host.written_at_us, at_us)
        else:
            host.heard_at_us = at_us = max(host.heard_at_us, at_us, host.split_until_us)
        self.schedule.at(at_us, self.monitor.post, host, message)
        if isinstance(message, _NUMBERED) and self.random.random() < self._double_share:
            self.schedule.at(at_us + self.delay_us(0, 50_000), self.monitor.post, host, message)

    def kill(self, host: SimulatedHost) -> None:
        """SIGKILL: it takes a while, more where the host is far away or the machine busy."""
        host.is_condemned = True
        slow = self.random.random() < self._slow_kill_share
        at_us = self.schedule.now_us + self.delay_us(20, 400_000 if slow else 500)
        self.schedule.at(max(at_us, host.split_until_us), host.die, "killed")

    def host_died(self, host: SimulatedHost) -> None:
        """Its connections end."""
        self.send_to_monitor(host, None)
        for pipe in self.fleet.pipes():
            if pipe.writer is host:
                pipe.break_off()
        connection = self.listeners.get(host.number)
        if connection is not None:
            connection.break_off()

    def listen(self, secondary: SimulatedHost) -> Connection:
        """`secondary` waits for its primary."""
        connection = self.listeners[secondary.number] = Connection(self, secondary, self.ring_capacity)
        return connection

    @property
    def has_ended_by_itself(self) -> bool:
        """Whether the guest came to its end, rather than being stopped."""
        ended = self.supervisor.ending.ended
        return ended is not None and ended.stop == "FINISHED"

    def _interrupt(self) -> None:
        """Somebody wants the run to end."""
        if self.supervisor.has_begun:
            self.say("monitor", "is interrupted")
            self.supervisor.ending.end(INTERRUPTED, self.schedule.now_s)

    def _cut_power(self) -> None:
        """Hosts and monitor die together, and the file is what is left."""
        self.say("world", "loses its power")
        self.has_lost_power = True

    # Input.

    def receive_something(self) -> None:
        """Somebody is on the network."""
        if self.random.random() < _FRAME_SHARE:
            self.devices.receive_frame()

    def type_something(self) -> None:
        """Somebody is at the keyboard."""
        if self.has_typed_end or self.random.random() > _TYPES_SHARE:
            return
        self._type(bytes(self.random.randrange(97, 123) for _ in range(self.random.randrange(1, 6))))
        if self._types_end_early and self.random.random() < 0.02:
            self.type_end()

    def type_end(self) -> None:
        """The guest ends when it reads this."""
        if not self.has_typed_end:
            self.has_typed_end = True
            self._type(bytes([END_OF_INPUT]))

    def _type(self, data: bytes) -> None:
        self.say("world", "types", data)
        self.checks.typed += data
        self.supervisor.protector.source.arrive(data)
