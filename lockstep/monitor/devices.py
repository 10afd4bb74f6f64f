"""A pair's disks and network: the links of each host, and the sinks behind them."""

from __future__ import annotations

from collections.abc import Callable

from lockstep.host.device_links import DeviceLinks
from lockstep.host.device_sinks import DeviceSinks
from lockstep.host.options import Forward
from lockstep.machine.config import MachineConfig


class PairDevices(DeviceSinks):
    """Hands each host its links, and tells the sinks whose output to take. `monitor.parties.Devices`."""

    def __init__(
        self,
        config: MachineConfig,
        forwards: tuple[Forward, ...],
        say: Callable[[str], None],
        wake: Callable[[], None],
    ) -> None:
        """See `DeviceSinks`. `wake` is called when a sink has nothing to do."""
        self.config = config
        self._links: dict[int, DeviceLinks] = {}
        self._leaving: dict[int, DeviceLinks] = {}
        """Of hosts that are gone: those that are still read, or were when somebody looked last."""
        super().__init__(config, forwards, say, wake)

    def close(self) -> None:
        """Stop the sinks; hosts are gone."""
        super().close()
        self._leaving |= self._links
        self._links.clear()
        self._close_unused()

    def _close_unused(self) -> None:
        for host in [host for host in self._leaving if not self.uses(host)]:
            self._leaving.pop(host).close()

    def prepare(self, host: int) -> tuple[int, ...]:
        """Make the links of a host that is about to be forked; the descriptors that it is to get."""
        if not self.config.has_links:
            return ()
        links = self._links[host] = DeviceLinks.create(self.config, host, self.bells)
        self.add(host, links, links.wake)
        return links.descriptors()

    def remove(self, host: int) -> None:
        """A host is gone."""
        links = self._links.pop(host, None)
        if links is not None:
            super().remove(host)
            self._leaving[host] = links
        self._close_unused()
