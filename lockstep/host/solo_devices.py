"""Disks and network of a machine that runs alone: both ends of its links, and the sinks, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable

from lockstep.errors import InternalError
from lockstep.host.device_links import DeviceLinks
from lockstep.host.disk_sink import DiskSink
from lockstep.host.sink_files import SinkFiles
from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine

HOST = 1
DRAIN_LIMIT_S = 30.0
"""How long disks may take nothing at the guest's end, although something is left for them."""
_POLL_S = 0.001


class SoloDevices:
    """What takes the machine's output. Made before the machine, as it locks the disks' files."""

    def __init__(self, config: MachineConfig, say: Callable[[str], None]) -> None:
        """Open the disks' files. `GuestError` if one can't be used."""
        self._config = config
        self._disks = DiskSink(SinkFiles(config.disks), say) if config.disks else None
        self._links: DeviceLinks | None = None

    def connect(self, machine: Machine, wake: Callable[[], None]) -> None:
        """`machine` is about to run live; `wake` makes it look whether something has come."""
        machine.control["is_live"] = machine.control["releases"] = 1
        if not self._config.has_links:
            return
        links = self._links = DeviceLinks.create(self._config, HOST, (self._bell, -1))
        links.connect(machine)
        links.begin(machine)
        links.listen(machine)
        if self._disks is not None and links.disks is not None:
            self._disks.add(HOST, links.disks, wake)
            self._disks.begin(HOST)
            self._disks.start()

    @property
    def _bell(self) -> int:
        return -1 if self._disks is None else self._disks.bell

    def finish(self) -> None:
        """Wait until all that the guest wrote is where it belongs."""
        disks = self._disks
        if disks is None:
            return
        taken, deadline_s = -1, 0.0
        while not disks.is_drained and disks.failure is None:
            if disks.taken != taken:
                taken, deadline_s = disks.taken, time.monotonic() + DRAIN_LIMIT_S
            if time.monotonic() > deadline_s:
                raise InternalError("what the guest wrote last could not be written to its disks")
            time.sleep(_POLL_S)
        if disks.failure is not None:
            raise disks.failure

    def close(self) -> None:
        """Stop the sinks; the machine stands still."""
        if self._disks is not None:
            self._disks.close()
        if self._links is not None:
            self._links.close()
