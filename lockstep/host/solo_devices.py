"""Disks and network of a machine that runs alone: both ends of its links, and the sinks, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable

from lockstep.host.device_links import DeviceLinks
from lockstep.host.device_sinks import DeviceSinks
from lockstep.host.options import Forward
from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine

HOST = 1
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

    def finish(self, *, guest_ended: bool) -> None:
        """See `DeviceSinks.drain`."""
        if self._sinks is not None:
            self._sinks.drain(lambda: time.sleep(_POLL_S), guest_ended=guest_ended)

    def close(self) -> None:
        """Stop the sinks; the machine stands still."""
        if self._sinks is not None:
            self._sinks.close()
            if self._links is not None and not self._sinks.uses(HOST):
                self._links.close()
