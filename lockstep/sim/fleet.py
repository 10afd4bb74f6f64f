"""Makes simulated hosts, and what connects them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from lockstep.host import messages as m
from lockstep.monitor.parties import Host
from lockstep.sim.host import SimulatedHost
from lockstep.sim.pipe import Pipe
from lockstep.sim.ring import Ring

if TYPE_CHECKING:
    from lockstep.sim.world import World


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
