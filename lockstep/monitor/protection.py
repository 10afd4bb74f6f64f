"""Who runs the guest: start of the pair, failover, going alone, re-protection. One method per thing that happens.

No I/O and no clock: it is told what happened and when, and acts on the arbiter, the fleet and its hosts.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from lockstep.errors import InternalError
from lockstep.ft.sink import SinkLedger
from lockstep.ft.source import SourceLedger
from lockstep.ft.status import Protection
from lockstep.host import messages as m
from lockstep.monitor.arbiter import Arbiter, ArbiterError, Record, set_secondary, win
from lockstep.monitor.journal import Journal
from lockstep.monitor.parties import Devices, Fleet, Host, NoDevices

RETRY_S = 0.5
"""After an attempt to make a secondary that this machine had no means for, or several in a row that failed."""
FAILURES_IN_A_ROW_MAX = 6


@dataclasses.dataclass
class Reprotection:
    """A new secondary in the making."""

    host: Host
    started_at_s: float
    icount: int = 0
    pause_ms: float = 0.0
    bytes: int = 0
    is_copied: bool = False
    """The state was forked off: with what the new host's log holds since, it is all of the guest."""
    sender: int | None = None
    """The end of the state's pipe that the primary is still to get."""
    trouble: str = ""
    """What the new host said went wrong."""


@dataclasses.dataclass
class Failover:
    """A survivor on its way to going live."""

    last_sign_s: float
    detected_at_s: float


class Protector:
    """The pair's roles. Decides by what the arbiter, the sink and the source grant; talks to hosts by messages."""

    def __init__(
        self,
        fleet: Fleet,
        arbiter: Arbiter,
        rtc_epoch_ns: int | None = None,
        secret: bytes | None = None,
        devices: Devices | None = None,
    ) -> None:
        """Hosts of `fleet`, and an `arbiter` that has no record yet. With a `secret` the log goes over TCP."""
        self.fleet = fleet
        self.arbiter = arbiter
        self.sink = SinkLedger()
        self.devices: Devices = devices or NoDevices()
        self.source = SourceLedger()
        self.rtc_epoch_ns = rtc_epoch_ns
        self.secret = secret
        self.journal = Journal()
        self._status = Protection.STARTING
        self.primary: Host | None = None
        self.secondary: Host | None = None
        self.reprotection: Reprotection | None = None
        self.failover: Failover | None = None
        self.failovers: list[dict[str, Any]] = []
        self.clones: list[dict[str, Any]] = []
        self.soft_errors: list[str] = []
        """What is still to be injected into a secondary, as on the command line."""
        self.is_over = False
        self.has_booted = False
        """Whether the first primary has been told to start."""
        self.trouble = ""
        """Why no secondary can be made just now."""
        self._failures_in_a_row = 0
        self._retry_at_s = 0.0

    @property
    def status(self) -> Protection:
        """Whether the guest survives the death of its host."""
        return self._status

    @status.setter
    def status(self, status: Protection) -> None:
        self._status = status
        self.journal.note_protection(status.value, is_protected=status is Protection.PROTECTED)

    # Start.

    def begin(self, primary: Host, secondary: Host) -> None:
        """Both hosts are ready: put the first record in place, then let them boot."""
        if not self.arbiter.begin(Record(1, 1, primary.number, secondary.number)):
            raise InternalError("the arbiter's directory is in use by another pair")
        self.primary, self.secondary = primary, secondary
        self.devices.begin(primary.number, secondary.number)
        route = m.Route(1, secondary.number, self.secret)
        if self.secret is None:
            self.has_booted = True
            ring = self.fleet.ring(1, secondary.number)
            secondary.send(self._start(route, cloned=False), (ring,))
            primary.send(m.StartPrimary(route=route, rtc_epoch_ns=self.rtc_epoch_ns), (ring,))
            self.fleet.close_descriptor(ring)
        else:
            secondary.send(self._start(route, cloned=False))
        self.status = Protection.PROTECTED

    def _start(self, route: m.Route, *, cloned: bool) -> m.StartSecondary:
        return m.StartSecondary(
            route=route,
            cloned=cloned,
            rtc_epoch_ns=self.rtc_epoch_ns,
            soft_errors=tuple(self.soft_errors),
        )

    def listening(self, host: Host, port: int) -> None:
        """A secondary waits for its primary on a TCP port."""
        route = m.Route(self.sink.generation, host.number, self.secret, port)
        making = self.reprotection
        if self.primary is None:
            return
        if host is self.secondary:
            self.has_booted = True
            self.primary.send(m.StartPrimary(route=route, rtc_epoch_ns=self.rtc_epoch_ns))
        elif making is not None and host is making.host and making.sender is not None:
            sender, making.sender = making.sender, None
            self.primary.send(m.Clone(route=route), (sender,))
            self.fleet.close_descriptor(sender)

    # Deaths.

    def host_gone(self, host: Host, detected_at_s: float) -> bool:
        """`host` died or fell silent; False if nobody is left to run the guest."""
        survives = True
        if host is self.primary:
            survives = self._fail_over(host, detected_at_s)
        elif host is self.secondary:
            self._lose_secondary()
        elif self.reprotection is not None and host is self.reprotection.host:
            self._put_off(self.reprotection, self.reprotection.trouble)
        self.fleet.forget(host)
        return survives

    def _fail_over(self, primary: Host, detected_at_s: float) -> bool:
        """Rule 5: win the next generation, fence the old one, and only then let the survivor cut the log."""
        making = self.reprotection
        if self.secondary is None and making is not None and making.is_copied:
            # It isn't Protected yet, but since the fork nothing left the primary that isn't in the copy, which is
            # still on its way, or in the new host's log: put it on record while nobody else can be.
            self._record_secondary(making, detected_at_s)
        survivor, self.secondary, self.primary = self.secondary, None, None
        self._cancel_reprotection()
        record = None if survivor is None else win(self.arbiter, survivor.number)
        if survivor is None or record is None:
            self.status = Protection.NOT_RUNNING
            self.failover = None  # one that was under way has come to nothing
            return False
        self.primary = survivor
        self.has_booted = (
            True  # from reset if need be: over TCP the first primary may have died before it started
        )
        self.status = Protection.NEED_SECONDARY
        last_sign_s = primary.dying_at_s or primary.last_sign_s
        self.failover = Failover(last_sign_s, detected_at_s)
        self._fence_and_go_live(survivor, record.generation)
        return True

    def _fence_and_go_live(self, survivor: Host, generation: int) -> None:
        sink_bytes = self.sink.fence(generation)
        self.devices.fence(generation, survivor.number)
        survivor.send(m.GoLive(generation=generation, sink_bytes=sink_bytes))

    def _cancel_reprotection(self) -> None:
        making, self.reprotection = self.reprotection, None
        if making is None:
            return
        if making.sender is not None:
            self.fleet.close_descriptor(making.sender)
        if making.host not in (self.primary, self.secondary):
            self.devices.let_go(making.host.number)
            self.fleet.forget(making.host)

    def discard_secondary(self) -> None:
        """The secondary isn't to be trusted any more: kill it, and go on without. Another one will be made."""
        secondary = self.secondary
        if secondary is not None:
            self._lose_secondary()
            self.fleet.forget(secondary)

    def _lose_secondary(self) -> None:
        """That the primary has no secondary goes on record before the primary may know."""
        lost, self.secondary = self.secondary, None
        if self.primary is not None:
            self._record_alone(self.primary)
        if lost is not None:
            self.devices.let_go(lost.number)
        self._leave_alone()

    def _put_off(self, making: Reprotection, trouble: str) -> None:
        """The new secondary comes to nothing: the guest goes on as it is, and another one is made, if need be later."""
        if trouble and trouble != self.trouble:
            self.journal.note("no-secondary", f"no secondary can be made: {trouble}", trouble=trouble)
        self.trouble = trouble
        self._failures_in_a_row += 1
        if trouble or self._failures_in_a_row > FAILURES_IN_A_ROW_MAX:
            self._retry_at_s = making.started_at_s + RETRY_S
        self._leave_alone()

    def _leave_alone(self) -> None:
        """The primary has no secondary, which is on record, or its making failed."""
        self._cancel_reprotection()
        if self.primary is None:
            return
        self.status = Protection.NEED_SECONDARY
        if self.has_booted:
            self.primary.send(m.GoAlone())
        else:
            self.has_booted = True
            self.primary.send(m.StartPrimary(route=None, rtc_epoch_ns=self.rtc_epoch_ns))

    def _record_alone(self, primary: Host) -> None:
        set_secondary(self.arbiter, primary.number, None)

    # What hosts say.

    def went_live(self, message: m.Live) -> None:
        """The survivor runs the guest: give it the input that it lacks."""
        if self.failover is None or message.generation != self.sink.generation:
            return
        failover, self.failover = self.failover, None
        what = {
            "generation": message.generation,
            "icount": message.icount,
            "detect_ms": round((failover.detected_at_s - failover.last_sign_s) * 1e3, 3),
            "blackout_ms": round((message.at_s - failover.last_sign_s) * 1e3, 3),
        }
        self.failovers.append(what)
        host = 0 if self.primary is None else self.primary.number
        text = f"host {host} goes live as primary of generation {message.generation}"
        self.journal.note(
            "failover", f"{text}, {what['blackout_ms']:.1f} ms after the last sign", host=host, **what
        )
        self.source.rewind(message.input_count)

    def reprotect_now(self) -> None:
        """Don't wait any longer to try again what failed."""
        self._retry_at_s = 0.0

    def reprotect(self, now_s: float) -> None:
        """Start making a new secondary, if one is needed and nothing stands against it."""
        wanted = self.primary is not None and self.secondary is None and not self.is_over
        is_free = self.reprotection is None and self.failover is None
        if wanted and is_free and now_s >= self._retry_at_s:
            self.reprotection = Reprotection(self.fleet.spawn(now_s), now_s)

    def host_ready(self, host: Host) -> None:
        """A forked host waits for its role: connect it with the primary."""
        making = self.reprotection
        if making is None or host is not making.host or self.primary is None:
            return
        self.devices.follow(host.number)
        route = m.Route(self.sink.generation, host.number, self.secret)
        ring = None
        try:
            if self.secret is None:
                ring = self.fleet.ring(self.sink.generation, host.number)
            receiver, sender = self.fleet.pipe()
        except InternalError as error:
            if ring is not None:
                self.fleet.close_descriptor(ring)
            self._put_off(making, str(error))
            return
        if ring is not None:
            host.send(self._start(route, cloned=True), (ring, receiver))
            self.primary.send(m.Clone(route=route), (ring, sender))
            for descriptor in (ring, sender):
                self.fleet.close_descriptor(descriptor)
        else:
            making.sender = sender
            host.send(self._start(route, cloned=True), (receiver,))
        self.fleet.close_descriptor(receiver)

    def cloned(self, message: m.Cloned) -> None:
        """The primary went on; its copy is on its way."""
        if self.reprotection is not None and self.reprotection.host.number == message.secondary:
            self.reprotection.icount, self.reprotection.pause_ms = message.icount, message.pause_ms
            self.reprotection.is_copied = True

    def received(self, host: Host, message: m.Received) -> None:
        """The new host has the whole state."""
        if self.reprotection is not None and host is self.reprotection.host:
            self.reprotection.bytes = message.transferred_bytes

    def caught_up(self, host: Host, now_s: float) -> None:
        """The new secondary follows closely: from now on it may win (rule 6)."""
        making = self.reprotection
        if making is None or host is not making.host or self.primary is None:
            return
        try:
            is_recorded = self._record_secondary(making, now_s)
        except ArbiterError as error:
            self._put_off(making, str(error))
            return
        if is_recorded:
            self.status = Protection.PROTECTED

    def _record_secondary(self, making: Reprotection, now_s: float) -> bool:
        if self.primary is None or not set_secondary(self.arbiter, self.primary.number, making.host.number):
            return False
        self.reprotection = None
        self.trouble, self._failures_in_a_row = "", 0
        self.secondary = making.host
        what = {
            "icount": making.icount,
            "pause_ms": round(making.pause_ms, 3),
            "total_ms": round((now_s - making.started_at_s) * 1e3, 3),
            "bytes": making.bytes,
        }
        self.clones.append(what)
        text = f"host {making.host.number} is the new secondary, after {what['total_ms']:.0f} ms"
        self.journal.note("clone", text, host=making.host.number, **what)
        return True
