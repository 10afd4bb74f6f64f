"""What must never happen to disks and on the network, and what must be in a file when the power fails."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from lockstep.sim.devices import BLOCKS, FLUSH

if TYPE_CHECKING:
    from lockstep.sim.checks import Checks
    from lockstep.sim.device_sink import DeviceSink
    from lockstep.sim.host import SimulatedHost


class DeviceChecks:
    """Safety of disk and network output, while the world goes on."""

    def __init__(self, checks: Checks, sink: DeviceSink) -> None:
        """Nothing has left."""
        self._checks = checks
        self._sink = sink
        self.frames: list[tuple[int, int]] = []
        """All that the network ever saw: numbers and values."""
        self.acknowledged = 0
        """The guest was told, where the world could hear it, that outputs below this are durable."""

    def wrote(self, host: SimulatedHost, number: int, output: tuple[int, int]) -> None:
        """The sink is about to write what `host` made as `number`."""
        self._may_put_out(host, self._sink.roles.generation)
        if number != len(self._sink.file.written) or output != host.machine.devices.disk_outputs[number]:
            place = len(self._sink.file.written)
            self._checks.violated(f"disk output {number} of {host} is written at place {place}")

    def sent(self, host: SimulatedHost, number: int, value: int) -> None:
        """A frame leaves, which `host` made as `number`."""
        self._may_put_out(host, self._sink.roles.generation)
        if self.frames and number <= self.frames[-1][0]:
            self._checks.violated(f"frame {number} leaves after {self.frames[-1][0]}")
        if value != host.machine.devices.frames[number]:
            self._checks.violated(f"frame {number} isn't what {host} made")
        self.frames.append((number, value))

    def _may_put_out(self, host: SimulatedHost, generation: int) -> None:
        if not self._checks.is_live(host, generation):
            self._checks.violated(
                f"{host} isn't live in generation {generation}, and puts out to its devices"
            )

    def goes_live(self, host: SimulatedHost) -> None:
        """`host` must have made all that the world has."""
        made, written = host.machine.devices.disk_outputs, self._sink.file.written
        if made[: len(written)] != written:
            at = next((i for i, (a, b) in enumerate(zip(made, written, strict=False)) if a != b), len(made))
            self._checks.violated(f"the file has {len(written)} outputs; {host} goes live and lacks {at}")
        frames = host.machine.devices.frames
        for number, value in self.frames:
            if number >= len(frames) or frames[number] != value:
                self._checks.violated(f"the network saw frame {number}, which {host} lacks as it goes live")

    def acknowledges(self, host: SimulatedHost, flush: int) -> None:
        """The guest on `host` is told that all before `flush` is durable. Nobody hears a host that was fenced."""
        if host.number != self._sink.roles.primary:
            return
        self.acknowledged = max(self.acknowledged, flush)
        durable = self._sink.file.durable_count
        if durable < flush:
            self._checks.violated(
                f"{host} acknowledges flush {flush}; if the power failed, outputs from {durable} on might be lost"
            )

    def power_fails(self, chance: random.Random) -> None:
        """Everything dies at once: of what wasn't flushed, each block keeps what it was told last, or earlier."""
        file = self._sink.file
        found = []
        for block in range(BLOCKS):
            versions = [0]
            for number, (written, value) in enumerate(file.written):
                if written == block and number < file.durable_count:
                    versions = [value]
                elif written == block:
                    versions.append(value)
            found.append(chance.choice(versions))
        self.looks_well(found)

    def looks_well(self, blocks: list[int]) -> None:
        """`blocks`, found after everything died, have all that was acknowledged, and nothing that wasn't written."""
        for block, value in enumerate(blocks):
            allowed = {0}
            for number, (written, written_value) in enumerate(self._sink.file.written):
                if written == block:
                    allowed = {written_value} if number < self.acknowledged else allowed | {written_value}
            if value not in allowed:
                self._checks.violated(f"after all died, block {block} lacks what a flush had acknowledged")

    def ended(self, host: SimulatedHost) -> None:
        """The guest has ended, and the run is over: the file has all that it wrote, as far as the disk took it."""
        self.goes_live(host)
        trouble = self._sink.disks.trouble.get(0)
        made = host.machine.devices.disk_outputs[:trouble]
        if self._sink.file.written != made:
            self._checks.violated(
                f"the guest made {len(made)} outputs, the file has {len(self._sink.file.written)}"
            )
        file: list[int] = [0] * BLOCKS
        for block, value in made:
            if block != FLUSH:
                file[block] = value
        if file != self._sink.file.blocks:
            self._checks.violated("the file isn't what the guest wrote")
