"""The sink of disks and frames in the simulation: the real ledgers decide, and a file in memory may lose what it
wasn't told to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockstep.ft.device_output import OutputRoles, RingCounts
from lockstep.sim.devices import BLOCKS, FLUSH

if TYPE_CHECKING:
    from lockstep.sim.host import SimulatedHost
    from lockstep.sim.world import World

_STEP_US = (500, 20_000)
_FLUSH_US = (200, 20_000)
_WRITES_MAX = 6
"""At a time."""
INBOUND_FRAMES_MAX = 4


class SimulatedFile:
    """A disk's file: what everybody reads, and what is on the medium."""

    def __init__(self) -> None:
        """All zeros."""
        self.blocks = [0] * BLOCKS
        self.written: list[tuple[int, int]] = []
        """All that ever was: block and value; flushes as well, so that places are numbers."""
        self.durable_count = 0
        """So many of these are sure to be on the medium."""
        self.is_failing = False

    def write(self, block: int, value: int) -> None:
        """What is written may or may not be on the medium before the next flush."""
        self.written.append((block, value))
        if block != FLUSH:
            self.blocks[block] = value


class DeviceSink:
    """A thread of the monitor's process. `monitor.parties.Devices`."""

    def __init__(self, world: World) -> None:
        """Nobody has a role."""
        self.world = world
        self.roles = OutputRoles()
        self.disks = world.parts.disk_ledger(self.roles)
        self.frames = world.parts.frame_ledger(self.roles)
        self.file = SimulatedFile()
        self.frames_in = self.flushes = 0
        self._seen: tuple[int, RingCounts] | None = None
        self._reported = (-1, -1)
        self._is_due = self._is_flushing = False

    # Roles: the monitor says.

    def begin(self, primary: int, secondary: int) -> None:
        """Hosts with these numbers boot."""
        self.roles.begin(primary, secondary)
        self._report()

    def follow(self, host: int) -> None:
        """`host` is to be cloned from the primary."""
        self.roles.follow(host)
        self._report()

    def let_go(self, host: int) -> None:
        """`host` can't go live any more."""
        self.roles.let_go(host)
        self.poke()

    def fence(self, generation: int, survivor: int) -> None:
        """From now on the survivor's output is taken."""
        before = self._process(self.roles.primary)
        self.roles.fence(generation, survivor)
        self._process(survivor).inbound.extend(before.inbound)
        self._report()
        self.poke()

    def has_begun(self) -> None:
        """A ring has begun. Of what came with a clone's state some may be taken by now: unless that is dropped, the
        clone may find no room for what it makes, and everybody waits for it."""
        self._reported = (-1, -1)
        self.poke()

    @property
    def is_drained(self) -> bool:
        """Whether all that the primary has made for its disk was taken."""
        return self.disks.applied >= self._process(self.roles.primary).disk_ring.made

    # The thread.

    def poke(self) -> None:
        """There may be something to take."""
        if not self._is_due:
            self._is_due = True
            self.world.schedule.after(self.world.delay_us(*_STEP_US), self._step)

    def _process(self, host: int) -> SimulatedHost:
        return self.world.fleet.known[host].process

    def _step(self) -> None:
        if self.world.monitor.stopped_until_us > self.world.schedule.now_us:
            self.world.schedule.at(self.world.monitor.stopped_until_us, self._step)
            return
        self._is_due = False
        primary = self._process(self.roles.primary)
        if primary.frame_ring.entries:
            self._send_frames(primary)
        if primary.disk_ring.entries and not self._is_flushing:
            self._apply(primary, self._limit(primary))
        if (self.disks.applied, self.frames.sent) != self._reported:
            self._report()
        if primary.disk_ring.entries or primary.frame_ring.entries:
            self.poke()

    def _limit(self, primary: SimulatedHost) -> int:
        """The primary's counts are those of the last step: a real sink doesn't read all rings at once, either."""
        rings = {host: self._process(host).disk_ring.counts for host in self.roles.followers}
        counts = primary.disk_ring.counts
        seen, self._seen = self._seen, (primary.number, counts)
        rings[primary.number] = seen[1] if seen is not None and seen[0] == primary.number else counts
        return self.disks.limit(rings)

    def _apply(self, primary: SimulatedHost, limit: int) -> None:
        first = self.disks.applied
        for number in range(first, min(limit, first + _WRITES_MAX)):
            _, block, value = primary.disk_ring.output(number)
            if not self.disks.is_writable(0):
                self.disks.apply(number + 1)
                self.disks.made_durable(number)
                continue
            if self.file.is_failing:
                self.world.say("disk", "fails at output", number)
                self.disks.failed(0, number)
                self._report()
                self.disks.apply(number + 1)
                continue
            self.world.checks.devices.wrote(primary, number, (block, value))
            self.file.write(block, value)
            if block == FLUSH:
                self._is_flushing = True
                self.world.schedule.after(self.world.delay_us(*_FLUSH_US), self._flushed, number)
                return
            self.disks.apply(number + 1)

    def _flushed(self, number: int) -> None:
        """All before it is on the medium now."""
        self._is_flushing = False
        self.flushes += 1
        self.file.durable_count = number
        self.world.say("sink", "has flushed up to", number)
        self.disks.apply(number + 1)
        self.disks.made_durable(number)
        self._report()
        primary = self._process(self.roles.primary)
        if primary.has_machine:
            primary.wake()
        self.poke()

    def _send_frames(self, primary: SimulatedHost) -> None:
        numbers = self.frames.next(primary.frame_ring.counts)
        for number in numbers:
            self.world.checks.devices.sent(primary, number, primary.frame_ring.output(number)[2])
        self.frames.send(numbers.stop)

    def _report(self) -> None:
        """Tell all that count what has come of their output, and drop what nobody needs from their rings."""
        ledger = self.disks
        self._reported = ledger.applied, self.frames.sent
        applied = min(ledger.applied, ledger.trouble.get(0, ledger.applied))
        for number in (self.roles.primary, *self.roles.followers):
            host = self._process(number)
            ring = host.disk_ring
            ring.is_failed, ring.applied, ring.durable = bool(ledger.trouble), applied, ledger.durable
            if ring.first is not None:
                ring.drop_below(ledger.applied)
                host.frame_ring.drop_below(self.frames.sent)

    # Frames from the network.

    def receive_frame(self) -> None:
        """One arrives for whoever is primary; without room it is lost, as on any network."""
        self.frames_in += 1
        inbound = self._process(self.roles.primary).inbound
        if len(inbound) < INBOUND_FRAMES_MAX:
            inbound.append(self.frames_in)
