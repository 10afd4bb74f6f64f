"""A pair's disks and network: the links of each host, and the sinks behind them."""

from __future__ import annotations

from collections.abc import Callable

from lockstep.host.device_links import DeviceLinks
from lockstep.host.disk_sink import DiskSink
from lockstep.host.sink_files import SinkFiles
from lockstep.machine.config import MachineConfig


class PairDevices:
    """Hands each host its links, and tells the sinks whose output to take. `monitor.parties.Devices`."""

    def __init__(self, config: MachineConfig, say: Callable[[str], None], wake: Callable[[], None]) -> None:
        """Open the disks' files. `GuestError` if one can't be used. `wake` is called when a sink has nothing to do."""
        self.config = config
        self.disks = DiskSink(SinkFiles(config.disks), say, wake) if config.disks else None
        self._links: dict[int, DeviceLinks] = {}
        if self.disks is not None:
            self.disks.start()

    def close(self) -> None:
        """Stop the sinks; hosts are gone."""
        if self.disks is not None:
            self.disks.close()
        for host in list(self._links):
            self.remove(host)

    def add(self, host: int) -> tuple[int, ...]:
        """Make the links of a host that is about to be forked; the descriptors that it is to get."""
        if not self.config.has_links:
            return ()
        bells = (-1 if self.disks is None else self.disks.bell, -1)
        links = DeviceLinks.create(self.config, host, bells)
        self._links[host] = links
        if self.disks is not None and links.disks is not None:
            self.disks.add(host, links.disks, links.wake)
        return links.descriptors()

    def remove(self, host: int) -> None:
        """A host is gone."""
        links = self._links.pop(host, None)
        if links is None:
            return
        if self.disks is not None:
            self.disks.remove(host)
        links.close()

    @property
    def failure(self) -> BaseException | None:
        """What went wrong with a sink."""
        return None if self.disks is None else self.disks.failure

    @property
    def taken(self) -> int:
        """How many disk outputs were taken."""
        return 0 if self.disks is None else self.disks.taken

    @property
    def is_drained(self) -> bool:
        """Whether the world has all that the primary made."""
        return self.disks is None or self.disks.is_drained

    # Roles: see `monitor.parties.Devices`.

    def begin(self, primary: int, secondary: int) -> None:
        """Hosts with these numbers boot."""
        if self.disks is not None:
            self.disks.begin(primary, secondary)

    def follow(self, host: int) -> None:
        """`host` is to be cloned from the primary."""
        if self.disks is not None:
            self.disks.follow(host)

    def let_go(self, host: int) -> None:
        """`host` can't go live any more."""
        if self.disks is not None:
            self.disks.let_go(host)

    def fence(self, generation: int, survivor: int) -> None:
        """From now on the survivor's output is taken."""
        if self.disks is not None:
            self.disks.fence(generation, survivor)

    def went_live(self, frames: int) -> None:
        """The survivor runs live: disks have nothing more to tell it."""
