"""What connects a machine's devices with the world: rings for what disks and network put out, and for frames in.

The monitor makes them for each host and keeps its own end; a solo run has both ends in one process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from lockstep.log.entry import Entry
from lockstep.log.numbered import NumberedRing
from lockstep.log.shared import SharedRing
from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine

DISK_RING_BYTES = 1 << 24
FRAME_RING_BYTES = 1 << 22
Retained = tuple[list[Entry], list[Entry]]
"""Disk outputs and frames that the sink may still lack."""


class DeviceLinks:
    """One host's rings, on one side of them: None where the machine has no such devices."""

    def __init__(
        self,
        disks: NumberedRing | None,
        frames: NumberedRing | None,
        inbound: SharedRing | None,
        doorbell: int,
        bells: tuple[int, int] = (-1, -1),
    ) -> None:
        """Own all of it: `doorbell` is an eventfd by which the host is woken, `bells` wake who takes its output."""
        self.disks, self.frames, self.inbound = disks, frames, inbound
        self.doorbell = doorbell
        self.bells = bells

    @classmethod
    def create(cls, config: MachineConfig, host: int, bells: tuple[int, int] = (-1, -1)) -> DeviceLinks:
        """Make the rings of host number `host`. `LogError` if there is no memory for them."""
        disks = NumberedRing(SharedRing.create(DISK_RING_BYTES, 1, host)) if config.disks else None
        frames = inbound = None
        if config.has_network:
            frames = NumberedRing(SharedRing.create(FRAME_RING_BYTES, 1, host))
            inbound = SharedRing.create(FRAME_RING_BYTES, 1, host)
        return cls(disks, frames, inbound, os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK), bells)

    @classmethod
    def attach(cls, config: MachineConfig, host: int, take: Callable[[], int]) -> DeviceLinks:
        """The host's side, from `descriptors` that `take` gives one after the other."""

        def ring() -> SharedRing:
            return SharedRing.attach(take(), 1, host)

        doorbell = take()
        disks = frames = inbound = None
        bells = [-1, -1]
        if config.disks:
            disks, bells[0] = NumberedRing(ring()), take()
        if config.has_network:
            frames, inbound, bells[1] = NumberedRing(ring()), ring(), take()
        return cls(disks, frames, inbound, doorbell, (bells[0], bells[1]))

    def descriptors(self) -> tuple[int, ...]:
        """In the order in which `attach` takes them."""
        found = [self.doorbell]
        if self.disks is not None:
            found += [self.disks.ring.fd, self.bells[0]]
        if self.frames is not None and self.inbound is not None:
            found += [self.frames.ring.fd, self.inbound.fd, self.bells[1]]
        return tuple(found)

    def close(self) -> None:
        """Let go of the rings and the doorbell; the bells are others'."""
        for ring in (self.disks, self.frames, self.inbound):
            if ring is not None:
                ring.close()
        os.close(self.doorbell)

    def close_bells(self) -> None:
        """Of a side that attached: it has its own descriptors of the bells."""
        for bell in self.bells:
            if bell >= 0:
                os.close(bell)

    # The host's side.

    def connect(self, machine: Machine) -> None:
        """Have the machine put out to these rings."""
        control: Any = machine.control
        # A trace's checkpoints need all that was ever written.
        control["forgets"] = self.disks is not None and not control["tape"]
        control["disk_ring"] = 0 if self.disks is None else self.disks.ring.base
        control["frame_ring"] = 0 if self.frames is None else self.frames.ring.base
        control["disk_bell"], control["frame_bell"] = self.bells

    def begin(self, machine: Machine, retained: Retained = ([], [])) -> None:
        """The machine is about to run; `retained` is what it has made and the sink may still lack."""
        made = int(machine.board["disk_outputs"]), int(machine.board["frame_outputs"])
        for ring, count, entries in zip((self.disks, self.frames), made, retained, strict=True):
            if ring is not None:
                ring.begin(count - len(entries), entries)
        for bell in self.bells:
            if bell >= 0:
                os.eventfd_write(bell, 1)

    def retained(self) -> Retained:
        """In the machine's thread: what the sink may still lack."""
        disks, frames = ([] if ring is None else ring.ring.waiting() for ring in (self.disks, self.frames))
        return disks, frames

    @property
    def applied(self) -> int:
        """How many disk outputs are in the files."""
        return 0 if self.disks is None else self.disks.applied

    def hold_from(self, outputs: int, host: int) -> None:
        """See `NumberedRing.hold_from`."""
        if self.disks is not None:
            self.disks.hold_from(outputs, host)

    def listen(self, machine: Machine) -> None:
        """The machine runs live: it takes frames from now on."""
        machine.control["inbound_ring"] = 0 if self.inbound is None else self.inbound.base

    def release(self, position: int) -> None:
        """What was made up to `position` may leave."""
        for ring, bell in zip((self.disks, self.frames), self.bells, strict=True):
            if ring is not None and position > ring.ring.horizon():
                ring.ring.publish(position)
                os.eventfd_write(bell, 1)

    # The other side.

    def wake(self) -> None:
        """Have the host look at what has come."""
        os.eventfd_write(self.doorbell, 1)
