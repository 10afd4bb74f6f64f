"""Who runs the guest: start of the pair, failover, going alone, re-protection. One method per thing that happens."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path
from typing import Any

from lockstep.errors import InternalError
from lockstep.ft.sink import SinkLedger
from lockstep.ft.source import SourceLedger
from lockstep.ft.status import Protection
from lockstep.host import messages as m
from lockstep.log.shared import SharedRing
from lockstep.monitor.arbiter import DirectoryArbiter, Record, set_secondary, win
from lockstep.monitor.fleet import Fleet, HostHandle

RING_BYTES = 1 << 22


@dataclasses.dataclass
class Reprotection:
    """A new secondary in the making."""

    host: HostHandle
    started_at_s: float
    icount: int = 0
    pause_ms: float = 0.0
    bytes: int = 0
    is_copied: bool = False
    """The state was forked off: with what the new host's log holds since, it is all of the guest."""
    sender: int | None = None
    """The end of the state's pipe that the primary is still to get."""

    def cancel(self) -> None:
        """It comes to nothing."""
        if self.sender is not None:
            os.close(self.sender)
            self.sender = None


@dataclasses.dataclass
class Failover:
    """A survivor on its way to going live."""

    last_sign_s: float
    detected_at_s: float


class Protector:
    """The pair's roles. Decides by what the arbiter, the sink and the source grant; talks to hosts by messages."""

    def __init__(self, fleet: Fleet, directory: Path, rtc_epoch_ns: int | None, secret: bytes | None) -> None:
        """Hosts of `fleet`; the arbiter lives in `directory`. With a `secret` the log goes over TCP."""
        self.fleet = fleet
        self.arbiter = DirectoryArbiter(directory)
        self.sink = SinkLedger()
        self.source = SourceLedger()
        self.rtc_epoch_ns = rtc_epoch_ns
        self.secret = secret
        self.status = Protection.STARTING
        self.primary: HostHandle | None = None
        self.secondary: HostHandle | None = None
        self.reprotection: Reprotection | None = None
        self.failover: Failover | None = None
        self.failovers: list[dict[str, Any]] = []
        self.clones: list[dict[str, Any]] = []
        self.is_over = False
        self.has_booted = False
        """Whether the first primary has been told to start."""

    # Start.

    def begin(self, primary: HostHandle, secondary: HostHandle) -> None:
        """Both hosts are ready: put the first record in place, then let them boot."""
        if not self.arbiter.begin(Record(1, 1, primary.number, secondary.number)):
            raise InternalError("the arbiter's directory is in use by another pair")
        self.primary, self.secondary = primary, secondary
        route = m.Route(1, secondary.number, self.secret)
        if self.secret is None:
            self.has_booted = True
            with SharedRing.create(RING_BYTES, 1, secondary.number) as ring:
                secondary.send(self._start(route, cloned=False), (ring.fd,))
                primary.send(m.StartPrimary(route=route, rtc_epoch_ns=self.rtc_epoch_ns), (ring.fd,))
        else:
            secondary.send(self._start(route, cloned=False))
        self.status = Protection.PROTECTED

    def _start(self, route: m.Route, *, cloned: bool) -> m.StartSecondary:
        return m.StartSecondary(route=route, cloned=cloned, rtc_epoch_ns=self.rtc_epoch_ns)

    def listening(self, handle: HostHandle, port: int) -> None:
        """A secondary waits for its primary on a TCP port."""
        route = m.Route(self.sink.generation, handle.number, self.secret, port)
        making = self.reprotection
        if self.primary is None:
            return
        if handle is self.secondary:
            self.has_booted = True
            self.primary.send(m.StartPrimary(route=route, rtc_epoch_ns=self.rtc_epoch_ns))
        elif making is not None and handle is making.host and making.sender is not None:
            sender, making.sender = making.sender, None
            self.primary.send(m.Clone(route=route), (sender,))
            os.close(sender)

    # Deaths.

    def host_gone(self, handle: HostHandle, detected_at_s: float) -> bool:
        """`handle` died or fell silent. False if nobody is left to run the guest."""
        if handle is self.primary:
            survives = self._fail_over(handle, detected_at_s)
        else:
            survives = True
            if handle is self.secondary:
                self.secondary = None
                self._leave_alone()
            elif self.reprotection is not None and handle is self.reprotection.host:
                self._leave_alone()
        self.fleet.forget(handle)
        return survives

    def _fail_over(self, primary: HostHandle, detected_at_s: float) -> bool:
        """Rule 5: win the next generation, fence the old one, and only then let the survivor cut the log."""
        making = self.reprotection
        if self.secondary is None and making is not None and making.is_copied:
            # It isn't Protected yet, but since the fork nothing left the primary that isn't in the copy, which is
            # still on its way, or in the new host's log: put it on record while nobody else can be.
            self._record_secondary(making)
        survivor, self.secondary, self.primary = self.secondary, None, None
        if self.reprotection is not None:
            self.reprotection.cancel()
            self.fleet.forget(self.reprotection.host)
            self.reprotection = None
        record = None if survivor is None else win(self.arbiter, survivor.number)
        if survivor is None or record is None:
            self.status = Protection.NOT_RUNNING
            return False
        sink_bytes = self.sink.fence(record.generation)
        self.primary = survivor
        self.status = Protection.NEED_SECONDARY
        last_sign_s = primary.dying_at_s or primary.last_sign_s
        self.failover = Failover(last_sign_s, detected_at_s)
        survivor.send(m.GoLive(generation=record.generation, sink_bytes=sink_bytes))
        return True

    def _leave_alone(self) -> None:
        """The primary has no secondary, or its making failed: that goes on record before the primary may know."""
        if self.reprotection is not None and self.reprotection.host not in (self.primary, self.secondary):
            failed = self.reprotection.host
            self.reprotection.cancel()
            self.reprotection = None
            self.fleet.forget(failed)
        if self.primary is None:
            return
        if self.arbiter.current().secondary is not None:
            set_secondary(self.arbiter, self.primary.number, None)
        self.status = Protection.NEED_SECONDARY
        if self.has_booted:
            self.primary.send(m.GoAlone())
        else:
            self.has_booted = True
            self.primary.send(m.StartPrimary(route=None, rtc_epoch_ns=self.rtc_epoch_ns))

    # What hosts say.

    def went_live(self, message: m.Live) -> None:
        """The survivor runs the guest: give it the input that it lacks."""
        if self.failover is None or message.generation != self.sink.generation:
            return
        failover, self.failover = self.failover, None
        self.failovers.append(
            {
                "generation": message.generation,
                "icount": message.icount,
                "detect_ms": round((failover.detected_at_s - failover.last_sign_s) * 1e3, 3),
                "blackout_ms": round((message.at_s - failover.last_sign_s) * 1e3, 3),
            }
        )
        self.source.rewind(message.input_count)

    def reprotect(self) -> None:
        """Start making a new secondary, if one is needed and nothing stands against it."""
        wanted = self.primary is not None and self.secondary is None and not self.is_over
        if wanted and self.reprotection is None and self.failover is None:
            self.reprotection = Reprotection(self.fleet.spawn(), time.monotonic())

    def host_ready(self, handle: HostHandle) -> None:
        """A forked host waits for its role: connect it with the primary."""
        making = self.reprotection
        if making is None or handle is not making.host or self.primary is None:
            return
        route = m.Route(self.sink.generation, handle.number, self.secret)
        receiver, sender = os.pipe()
        if self.secret is None:
            with SharedRing.create(RING_BYTES, self.sink.generation, handle.number) as ring:
                handle.send(self._start(route, cloned=True), (ring.fd, receiver))
                self.primary.send(m.Clone(route=route), (ring.fd, sender))
            os.close(sender)
        else:
            making.sender = sender
            handle.send(self._start(route, cloned=True), (receiver,))
        os.close(receiver)

    def cloned(self, message: m.Cloned) -> None:
        """The primary went on; its copy is on its way."""
        if self.reprotection is not None and self.reprotection.host.number == message.secondary:
            self.reprotection.icount, self.reprotection.pause_ms = message.icount, message.pause_ms
            self.reprotection.is_copied = True

    def received(self, handle: HostHandle, message: m.Received) -> None:
        """The new host has the whole state."""
        if self.reprotection is not None and handle is self.reprotection.host:
            self.reprotection.bytes = message.transferred_bytes

    def caught_up(self, handle: HostHandle) -> None:
        """The new secondary follows closely: from now on it may win (rule 6)."""
        making = self.reprotection
        if making is None or handle is not making.host or self.primary is None:
            return
        if self._record_secondary(making):
            self.status = Protection.PROTECTED

    def _record_secondary(self, making: Reprotection) -> bool:
        if self.primary is None or not set_secondary(self.arbiter, self.primary.number, making.host.number):
            return False
        self.reprotection = None
        self.secondary = making.host
        self.clones.append(
            {
                "icount": making.icount,
                "pause_ms": round(making.pause_ms, 3),
                "total_ms": round((time.monotonic() - making.started_at_s) * 1e3, 3),
                "bytes": making.bytes,
            }
        )
        return True
