"""What takes the output of a machine's devices: the sink of its disks and its network, as one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from lockstep.errors import InternalError
from lockstep.host.device_links import DeviceLinks
from lockstep.host.disk_sink import DiskSink
from lockstep.host.options import Forward
from lockstep.host.sink_files import SinkFiles
from lockstep.machine.config import MachineConfig

if TYPE_CHECKING:
    from lockstep.host.network import Network

STUCK_S = 30.0
"""How long disks may take nothing at the guest's end, although something is left for them."""
HURRY_S = 5.0
"""How long they may take altogether when a run is ended from outside."""


class DeviceSinks:
    """The sinks that a machine of `config` needs. For what the methods do see `DiskSink` and `Network`."""

    def __init__(
        self,
        config: MachineConfig,
        forwards: Iterable[Forward],
        say: Callable[[str], None],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Open the disks' files, start passt. `LockstepError` if one can't be had."""
        self._say = say
        self.disks = DiskSink(SinkFiles(config.disks), say, changed) if config.disks else None
        self.network: Network | None = None
        self._all: list[DiskSink | Network] = [] if self.disks is None else [self.disks]
        if config.has_network:
            try:
                self.network = _network(forwards, say, changed)
            except BaseException:
                self.close()
                raise
            self._all.append(self.network)
        for sink in self._all:
            sink.start()

    def close(self) -> None:
        """Stop them."""
        for sink in self._all:
            sink.close()
        self._all.clear()

    @property
    def bells(self) -> tuple[int, int]:
        """For `DeviceLinks`."""
        return (
            -1 if self.disks is None else self.disks.bell,
            -1 if self.network is None else self.network.bell,
        )

    @property
    def failure(self) -> BaseException | None:
        """What went wrong with one of them."""
        return next((sink.failure for sink in self._all if sink.failure is not None), None)

    @property
    def taken(self) -> int:
        """How many disk outputs were taken."""
        return 0 if self.disks is None else self.disks.taken

    @property
    def is_drained(self) -> bool:
        """Whether the world has all that the primary made, and may leave."""
        return all(sink.is_drained for sink in self._all)

    def drain(self, wait: Callable[[], None], *, guest_ended: bool) -> None:
        """Call `wait` until what the guest put out is where it belongs. InternalError: its disks don't take it.

        A run that is ended from outside ends soon: like a power cut, it may cost the guest what it hasn't flushed.
        """
        began_s = changed_s = now_s = time.monotonic()
        taken = self.taken
        while not self.is_drained and self.failure is None:
            if not guest_ended and now_s - began_s > HURRY_S:
                self._say("the disks are slow: what the guest wrote last, and hasn't flushed, isn't on them")
                return
            if now_s - changed_s > STUCK_S:
                raise InternalError("what the guest wrote last could not be written to its disks")
            wait()
            now_s = time.monotonic()
            if self.taken != taken:
                taken, changed_s = self.taken, now_s
        if self.failure is not None:
            raise self.failure

    def uses(self, host: int) -> bool:
        """Whether the links of `host`, which may be gone, are still read."""
        return self.disks is not None and self.disks.uses(host)

    def add(self, host: int, links: DeviceLinks, wake: Callable[[], None]) -> None:
        """`host` has come, with these links."""
        if self.disks is not None and links.disks is not None:
            self.disks.add(host, links.disks, wake)
        if self.network is not None and links.frames is not None and links.inbound is not None:
            self.network.add(host, links.frames, links.inbound, wake)

    def remove(self, host: int) -> None:
        """`host` is gone, and so will be its links."""
        for sink in self._all:
            sink.remove(host)

    def begin(self, primary: int, secondary: int | None = None) -> None:
        """These hosts boot."""
        for sink in self._all:
            sink.begin(primary, secondary)

    def follow(self, host: int) -> None:
        """`host` is to be cloned from the primary."""
        for sink in self._all:
            sink.follow(host)

    def let_go(self, host: int) -> None:
        """`host` can't go live any more."""
        for sink in self._all:
            sink.let_go(host)

    def fence(self, generation: int, survivor: int) -> None:
        """From now on take from `survivor` alone."""
        for sink in self._all:
            sink.fence(generation, survivor)


def _network(forwards: Iterable[Forward], say: Callable[[str], None], changed: Callable[[], None]) -> Network:
    from lockstep.host.network import Network

    return Network(forwards, say, changed)
