"""The monitor's shell in the simulation: the real decisions, with simulated hosts, arbiter and console."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from lockstep.host import messages as m
from lockstep.monitor.arbiter import Record
from lockstep.monitor.parties import Host
from lockstep.sim.host import SimulatedHost
from lockstep.sim.pipe import Pipe
from lockstep.sim.ring import Ring

if TYPE_CHECKING:
    from lockstep.sim.world import World

TICK_US = 20_000


class MemoryArbiter:
    """An arbiter whose atomic create is a look into a dictionary."""

    def __init__(self, world: World) -> None:
        """No record."""
        self._world = world
        self._records: dict[int, Record] = {}

    def begin(self, record: Record) -> bool:
        """Store the first record."""
        return self._create(record)

    def current(self) -> Record:
        """The newest."""
        return self._records[len(self._records)]

    def change(self, before: Record, after: Record) -> bool:
        """Replace `before` by `after`; False if somebody else was faster."""
        if after.version != before.version + 1:
            raise ValueError("a change makes the next version")
        return self._create(after)

    def _create(self, record: Record) -> bool:
        is_first = self._records.setdefault(record.version, record) is record
        self._world.say("arbiter", "takes" if is_first else "refuses", record)
        return is_first


@dataclasses.dataclass(kw_only=True, eq=False)
class Handle(Host):
    """A simulated host as the monitor knows it."""

    world: World
    process: SimulatedHost

    def send(self, message: m.Message, descriptors: tuple[int, ...] = ()) -> None:
        """It takes its time, and keeps its order."""
        parcels = tuple(self.world.fleet.parcels[descriptor] for descriptor in descriptors)
        self.world.send_to_host(self.process, message, parcels)

    def kill(self) -> None:
        """It takes its time, too."""
        self.world.kill(self.process)


class SimulatedFleet:
    """Makes simulated hosts. What hosts hand on as descriptors is in `parcels`."""

    def __init__(self, world: World) -> None:
        """No hosts yet."""
        self._world = world
        self.hosts: dict[int, Handle] = {}
        self.known: dict[int, Handle] = {}
        """Forgotten ones as well: what they said may still be on its way."""
        self.parcels: dict[int, Any] = {}

    def spawn(self, now_s: float) -> Host:
        """Fork one."""
        process = SimulatedHost(self._world, len(self.known) + 1)
        handle = Handle(process.number, now_s, now_s, world=self._world, process=process)
        self.hosts[process.number] = self.known[process.number] = handle
        self._world.say(process, "is forked")
        return handle

    def forget(self, host: Host) -> None:
        """Kill it to be sure."""
        if self.hosts.pop(host.number, None) is not None:
            host.kill()

    def ring(self, generation: int, secondary: int) -> int:
        """A ring in shared memory."""
        return self._parcel(Ring(generation, secondary, self._world.ring_capacity))

    def pipe(self) -> tuple[int, int]:
        """A pipe for a machine's state."""
        pipe = Pipe(self._world)
        return self._parcel(pipe), self._parcel(pipe)

    def close_descriptor(self, descriptor: int) -> None:
        """Hosts have their own."""

    def _parcel(self, what: object) -> int:
        self.parcels[len(self.parcels)] = what
        return len(self.parcels) - 1

    @property
    def processes(self) -> list[SimulatedHost]:
        """All hosts that ever were."""
        return [handle.process for handle in self.known.values()]

    def pipes(self) -> list[Pipe]:
        """All pipes that ever were."""
        return [parcel for parcel in self.parcels.values() if isinstance(parcel, Pipe)]


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


class Monitor:
    """Reads what hosts said, looks at the clock, lets `Supervisor` decide."""

    def __init__(self, world: World) -> None:
        """Starts at once."""
        self._world = world
        self.stopped_until_us = 0
        self._mail: list[tuple[SimulatedHost, m.AnyMessage | None]] = []
        self._is_polling = self._has_begun = False
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
            world.type_something()
            supervisor.tick(now_s)
            self.is_over = supervisor.is_over(now_s)
        world.schedule.after(TICK_US, self._tick)
