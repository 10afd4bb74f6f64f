"""The monitor's decisions: what follows from what hosts say and don't say. No I/O and no clock.

The event loop (`pair`), and the simulator's, hand over what happened and when. `Protector` knows the roles.
"""

from __future__ import annotations

from lockstep.errors import InternalError, LockstepError
from lockstep.host import messages as m
from lockstep.monitor.divergences import Divergences
from lockstep.monitor.ending import OUTCOMES, Ending
from lockstep.monitor.parties import Console, Fleet, Host
from lockstep.monitor.protection import Protector

HEARTBEAT_LIMIT_S = 0.25
HOST_START_LIMIT_S = 15.0
"""How long a forked host may take to its first sign of life."""
HOSTS_DEAD_AT_START_MAX = 4
INPUT_BYTES_MAX = 1 << 15


class HostFailedError(LockstepError):
    """A host, or the fork server, can't go on."""

    def __init__(self, text: str, exit_code: int) -> None:
        """What it said, and with which status to end."""
        super().__init__(text)
        self.exit_code = exit_code


class Supervisor:
    """One pair, from its first two hosts to its end."""

    input_bytes_max = INPUT_BYTES_MAX
    """How much input may be under way to the guest."""

    def __init__(
        self,
        fleet: Fleet,
        protector: Protector,
        console: Console,
        max_icount: int | None = None,
        divergences: Divergences | None = None,
    ) -> None:
        """Nothing runs yet."""
        self.fleet = fleet
        self.protector = protector
        self.console = console
        self.ending = Ending()
        self.divergences = divergences or Divergences()
        self.journal = protector.journal
        self.started_at_s: float | None = None
        self._max_icount = max_icount
        self._starting: list[Host] = []
        self._dead_at_start = 0
        self._checked_at_s = 0.0
        self._reported_written = 0

    # Start.

    @property
    def has_begun(self) -> bool:
        """Whether both hosts have their roles."""
        return self.protector.primary is not None

    def start(self, now_s: float) -> None:
        """Make the first two hosts; they get their roles when both are ready."""
        self.journal.now_s = now_s
        self._starting = [self.fleet.spawn(now_s), self.fleet.spawn(now_s)]

    def _begin_if_ready(self) -> None:
        if self._starting and self.ending.reason is None and all(host.is_ready for host in self._starting):
            primary, secondary = self._starting
            self._starting = []
            self.protector.begin(primary, secondary)

    def _replace(self, host: Host, now_s: float) -> None:
        self._dead_at_start += 1
        if self._dead_at_start > HOSTS_DEAD_AT_START_MAX:
            raise InternalError("the hosts die before the guest has started")
        self.fleet.forget(host)
        self._starting[self._starting.index(host)] = self.fleet.spawn(now_s)

    # What happens to hosts.

    def gone(self, host: Host, now_s: float, how: str = "it died") -> None:
        """`host` died, fell silent or is of no more use; `how` says which."""
        if host.number not in self.fleet.hosts:
            return
        self.journal.now_s = now_s
        self._note_lost(host, how)
        if host in self._starting:
            self._replace(host, now_s)
            return
        was_needed = host is self.protector.primary and self.ending.ended is None
        if not self.protector.host_gone(host, now_s) and was_needed:
            self.ending.no_host()

    def role_of(self, host: Host) -> str:
        """`primary`, `secondary`, `going live`, or `starting`."""
        if host is self.protector.primary:
            return "primary" if self.protector.failover is None else "going live"
        return "secondary" if host is self.protector.secondary else "starting"

    def _note_lost(self, host: Host, how: str) -> None:
        role = self.role_of(host)
        text = f"host {host.number} ({role}) is lost: {how}"
        self.journal.note("host-lost", text, host=host.number, pid=host.pid, role=role, how=how)

    def hear(self, host: Host, message: m.AnyMessage, now_s: float) -> None:
        """`host` said something. From one that was let go of only output can matter, and the sink decides on that."""
        protector = self.protector
        if isinstance(message, m.Output):
            self.console.put(protector.sink.accept(message.generation, message.offset, message.data))
        elif host.number in self.fleet.hosts:
            host.last_sign_s = self.journal.now_s = now_s
            self._hear(host, message, now_s)

    def _hear(self, host: Host, message: m.AnyMessage, now_s: float) -> None:
        protector = self.protector
        match message:
            case m.Beat():
                host.beat = message
                self.divergences.checked(host.number, message.checks)
            case m.Ready():
                self._host_ready(host)
            case m.Listening():
                protector.listening(host, message.port)
            case m.ChannelLost():
                self._channel_lost(host, message.secondary, now_s)
            case m.Started():
                self._started(message)
            case m.InputTaken() if host is protector.primary:
                protector.source.confirm(message.count)
            case m.Live():
                protector.went_live(message)
            case m.Cloned():
                protector.cloned(message)
            case m.Received():
                protector.received(host, message)
            case m.CaughtUp():
                protector.caught_up(host, now_s)
            case m.Dying():
                host.dying_at_s = message.at_s
            case m.Ended():
                self._host_ended(host, message, now_s)
            case m.Injected() if message.soft_error in protector.soft_errors:
                protector.soft_errors.remove(message.soft_error)
                text = f"a bit is flipped in host {host.number}: {message.soft_error}"
                self.journal.note("injected", text, host=host.number, soft_error=message.soft_error)
            case m.Diverged():
                self._host_diverged(host, message, now_s)
            case m.Failed():
                self._host_failed(host, message)

    def _started(self, message: m.Started) -> None:
        self.started_at_s = self.journal.started_at_s = message.at_s
        self.journal.note("running", "the guest's first instruction runs")

    def _host_ready(self, host: Host) -> None:
        host.is_ready = True
        self.journal.note("host-started", f"host {host.number} has started", host=host.number, pid=host.pid)
        if self._max_icount is not None:
            host.send(m.Finish(reason="max-icount", max_icount=self._max_icount))
        self.protector.host_ready(host)
        self._begin_if_ready()

    def _host_ended(self, host: Host, message: m.Ended, now_s: float) -> None:
        host.ended = message
        if host is self.protector.primary:
            self.ending.guest_ended(message, now_s)
            self.protector.is_over = True

    def _channel_lost(self, host: Host, secondary: int, now_s: float) -> None:
        """The primary can't reach who follows it: that one is of no more use."""
        follower = self.fleet.hosts.get(secondary)
        if host is self.protector.primary and follower is not None and follower is not host:
            self.gone(follower, now_s, "the primary can't reach it")

    def _host_diverged(self, host: Host, message: m.Diverged, now_s: float) -> None:
        text = self.divergences.found(host.number, message)
        self._note_divergence(host, text)
        protector = self.protector
        if self.divergences.stops_run or host is protector.primary:
            # One that has won already can't be discarded: nobody else has the guest.
            self.ending.diverged(f"{text}; lockstep verify finds where it began")
            return
        self.divergences.overrule(text, is_over=protector.is_over)
        if host is protector.secondary:
            self._note_lost(host, "discarded: it is not the same machine any more")
            protector.discard_secondary()
        else:
            self.gone(host, now_s, "discarded: it is not the same machine any more")

    def _note_divergence(self, host: Host, text: str) -> None:
        self.journal.note("divergence", text, host=host.number, **(self.divergences.last or {}))

    def _host_failed(self, host: Host, message: m.Failed) -> None:
        text = f"host {host.number} can't go on: {message.text}"
        self.journal.note("host-failed", text, host=host.number, pid=host.pid, reason=message.text)
        if host is self.protector.primary and self.protector.failover is None:
            raise HostFailedError(message.text, message.exit_code)
        making = self.protector.reprotection
        if making is not None and host is making.host:
            making.trouble = message.text
        host.kill()

    # Every round.

    def silent(self, now_s: float) -> list[Host]:
        """Hosts that were not heard for too long. Read what they may have said, then `give_up` those still silent."""
        was_late = now_s - self._checked_at_s > HEARTBEAT_LIMIT_S / 2
        self._checked_at_s = now_s
        if was_late:
            # It is this process that was held up; what hosts said meanwhile waits to be read.
            return []
        return [host for host in self.fleet.hosts.values() if self._is_silent(host, now_s)]

    def give_up(self, host: Host, now_s: float) -> None:
        """Take `host` for dead, unless it was heard since."""
        if self._is_silent(host, now_s):
            self.gone(host, now_s, f"silent for {(now_s - host.last_sign_s) * 1e3:.0f} ms")

    def _is_silent(self, host: Host, now_s: float) -> bool:
        if host is self.protector.primary and self.protector.secondary is None:
            return False  # nobody could take over: a host that may wake is better than none
        limit_s = HOST_START_LIMIT_S if host.beat is None else HEARTBEAT_LIMIT_S
        return now_s - host.last_sign_s > limit_s

    def tick(self, now_s: float) -> None:
        """Do what is due now."""
        self.journal.now_s = now_s
        self._tell_to_end()
        self._pass_input()
        self._report_written()
        if self.ending.reason is None and self.ending.ended is None and self.has_begun:
            self.protector.reprotect(now_s)

    def _tell_to_end(self) -> None:
        primary = self.protector.primary
        if self.ending.reason is None or self.ending.ended is not None or primary is None:
            return
        if not primary.is_told_to_end:
            primary.send(m.Finish(reason=self.ending.reason))
        primary.is_told_to_end = True

    def _pass_input(self) -> None:
        protector = self.protector
        # A host without a machine would drop it: over TCP the first primary starts once its secondary listens.
        if protector.primary is None or protector.failover is not None or not protector.has_booted:
            return
        offset, data = protector.source.offer(self.input_bytes_max)
        if data:
            protector.primary.send(m.Input(offset=offset, data=data))

    def _report_written(self) -> None:
        written = self.console.written
        if written == self._reported_written:
            return
        self._reported_written = written
        for host in (self.protector.primary, self.protector.secondary):
            if host is not None:
                host.send(m.SinkProgress(written=written))

    @property
    def is_all_written(self) -> bool:
        """Whether the guest has ended and the world has all its output."""
        return self.ending.is_all_written(self.console.written)

    def is_over(self, now_s: float) -> bool:
        """Whether nothing is left to wait for."""
        secondary, going_live = self.protector.secondary, self.protector.failover is not None
        is_over = self.ending.is_over(secondary, self.console.written, now_s, going_live=going_live)
        if is_over and self.ending.mismatch is None:
            self._compare_ends(secondary)
        return is_over

    def _compare_ends(self, secondary: Host | None) -> None:
        ended, divergences = self.ending.ended, self.divergences
        if ended is None or ended.stop not in OUTCOMES or secondary is None or secondary.ended is None:
            return
        if divergences.ends_compared or not self.is_all_written:
            return
        text = divergences.compare_ends(secondary.number, ended, secondary.ended)
        if text is not None:
            self._note_divergence(secondary, text)
        if text is not None and divergences.stops_run:
            self.ending.diverged(text)
        elif text is not None:
            divergences.overrule(text, is_over=True)
