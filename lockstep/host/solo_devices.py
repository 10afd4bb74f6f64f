"""Disks and network of a machine that runs alone: both ends of its links, and the sinks, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable

from lockstep.errors import InternalError
from lockstep.host.device_links import DeviceLinks
from lockstep.host.device_sinks import DeviceSinks
from lockstep.host.options import Forward
from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine

HOST = 1
DRAIN_LIMIT_S = 30.0
"""How long disks may take nothing at the guest's end, although something is left for them."""
_POLL_S = 0.001


class SoloDevices:
    """What takes the machine's output. Made before the machine, as it locks the disks' files."""

    def __init__(
        self, config: MachineConfig, forwards: tuple[Forward, ...], say: Callable[[str], None]
    ) -> None:
        """Open the disks' files, start the network. `LockstepError` if one can't be had."""
        self._config = config
        self._sinks = DeviceSinks(config, forwards, say) if config.has_links else None
        self._links: DeviceLinks | None = None

    def connect(self, machine: Machine, wake: Callable[[], None]) -> None:
        """`machine` is about to run live; `wake` makes it look whether something has come."""
        machine.control["is_live"] = machine.control["releases"] = 1
        if self._sinks is None:
            return
        links = self._links = DeviceLinks.create(self._config, HOST, self._sinks.bells)
        links.connect(machine)
        links.begin(machine)
        links.listen(machine)
        self._sinks.add(HOST, links, wake)
        self._sinks.begin(HOST)

    def finish(self) -> None:
        """Wait until all that the guest put out is where it belongs."""
        sinks = self._sinks
        if sinks is None:
            return
        taken, deadline_s = -1, 0.0
        while not sinks.is_drained and sinks.failure is None:
            if sinks.taken != taken:
                taken, deadline_s = sinks.taken, time.monotonic() + DRAIN_LIMIT_S
            if time.monotonic() > deadline_s:
                raise InternalError("what the guest wrote last could not be written to its disks")
            time.sleep(_POLL_S)
        if sinks.failure is not None:
            raise sinks.failure

    def close(self) -> None:
        """Stop the sinks; the machine stands still."""
        if self._sinks is not None:
            self._sinks.close()
        if self._links is not None:
            self._links.close()
