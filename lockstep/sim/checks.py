"""What must never happen, looked at whenever it could. The world knows everything; hosts and monitor don't."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockstep.sim.device_checks import DeviceChecks
from lockstep.sim.machine import Entry

if TYPE_CHECKING:
    from lockstep.sim.host import SimulatedHost
    from lockstep.sim.world import World


class SafetyViolation(Exception):
    """A promise was broken; the text says which."""


class Checks:
    """Safety, while the world goes on."""

    def __init__(self, world: World) -> None:
        """Nothing was written or typed."""
        self._world = world
        self.console = bytearray()
        """All that the sink ever let through."""
        self.typed = bytearray()
        """All that the world ever typed."""
        self.devices = DeviceChecks(self, world.devices)
        self._live: dict[int, SimulatedHost] = {}
        self._writers: dict[int, SimulatedHost] = {}

    def violated(self, text: str) -> None:
        """Stop here."""
        raise SafetyViolation(text)

    def is_at(self, host: SimulatedHost, entry: Entry) -> None:
        """`host` is about to apply `entry`: it must be where the primary was."""
        machine = host.machine
        if (machine.position, machine.pc) != entry[1:3]:
            self.violated(
                f"divergence: {host} is at {machine.position}, pc {machine.pc:#x}, "
                f"and the entry's primary was at {entry[1]}, pc {entry[2]:#x}"
            )

    def goes_live(self, host: SimulatedHost) -> None:
        """`host` runs live from here, in its generation."""
        generation = host.member.generation
        other = self._live.setdefault(generation, host)
        if other is not host:
            self.violated(f"{host} and {other} are both primary of generation {generation}")
        made = host.machine.output
        if bytes(self.console) != made[: len(self.console)]:
            at = next(
                (i for i, (a, b) in enumerate(zip(self.console, made, strict=False)) if a != b), len(made)
            )
            self.violated(f"the world saw {len(self.console)} bytes; {host} goes live and lacks byte {at}")
        self.devices.goes_live(host)
        self._world.say(host, "is live in generation", generation)
        self.took_input(host)

    def is_live(self, host: SimulatedHost, generation: int) -> bool:
        """Whether `host` is the primary of `generation`, and nobody of a later one is."""
        return self._live.get(generation) is host and generation == max(self._live)

    def accepted(self, host: SimulatedHost, generation: int, data: bytes) -> None:
        """The sink let `data` through."""
        if not data:
            return
        writer = self._writers.setdefault(generation, host)
        if writer is not host:
            self.violated(f"{host} and {writer} both write in generation {generation}")
        newest = max(self._live)
        if generation != newest:
            self.violated(f"{host} writes in generation {generation}; {newest} is live already")
        start = len(self.console)
        self.console += data
        if data != host.machine.output[start : len(self.console)]:
            self.violated(f"bytes from {start} on are not what {host} made there: lost, doubled or reordered")

    def took_input(self, host: SimulatedHost) -> None:
        """`host`, live, has applied input."""
        taken = host.machine.taken
        if not self.typed.startswith(taken):
            self.violated(f"{host} took {bytes(taken)!r} of the input {bytes(self.typed)!r}")

    def ended(self) -> None:
        """The guest has ended, and the run is over."""
        host = self._live[max(self._live)]
        if self.console != host.machine.output:
            made = len(host.machine.output)
            self.violated(f"the guest made {made} bytes of output, the world has {len(self.console)}")
        if self.typed != host.machine.taken:
            taken = len(host.machine.taken)
            self.violated(f"{len(self.typed)} bytes were typed, the guest took {taken}")
        self.devices.ended(host)
