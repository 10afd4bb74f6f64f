"""The machine thread as secondary: runs from the log, says nothing, and goes live when told."""

from __future__ import annotations

from lockstep.errors import InternalError
from lockstep.ft.following import Step, has_caught_up, next_step
from lockstep.ft.roles import Event, Role
from lockstep.host.divergence import MachinesDifferError
from lockstep.host.entries import check_entry
from lockstep.host.host import Host
from lockstep.host.messages import CaughtUp, Injected
from lockstep.log.entry import CHECK, END, Entry
from lockstep.machine.machine import Stop
from lockstep.machine.soft_error import SoftError, flip
from lockstep.machine.state import NEVER

POLL_S = 0.0003
"""How long a secondary that has caught up waits before it looks at the log again."""
END_POLL_S = 0.02
CATCH_UP_POSITIONS = 4_000_000
"""How far a new secondary runs before it is asked whether it has caught up."""


class Follow:
    """What a host does between runs while it follows the log."""

    def __init__(self, host: Host) -> None:
        """`host` has a ring and stands where its log starts."""
        self.host = host

    def step(self) -> bool:
        """Apply what is due and run as far as the log allows; True once a host that goes live is at the cut."""
        host, machine, member = self.host, self.host.machine, self.host.member
        assert host.channel is not None
        ring = host.channel.ring
        horizon = ring.horizon()
        entry = ring.peek()
        going_live = host.role is Role.GOING_LIVE
        entry_position = None if entry is None else entry.position
        step, target = next_step(machine.position, horizon, entry_position, going_live=going_live)
        if step is Step.APPLY:
            assert entry is not None
            if not host.may_take(len(entry.payload)):
                self._wait()
                return False
            if entry.kind == END and entry.position == machine.position:
                # The guest ends here, too; or else, at the next look, the machine is past the entry.
                self._run(machine.position + 1)
                return False
            self._apply(entry)
            ring.pop()
            return False
        if not member.has_caught_up and has_caught_up(machine.position, horizon):
            member.has_caught_up = True
            host.send(CaughtUp())
        if step is not Step.RUN or host.is_at_max_icount:
            if going_live:
                return True
            self._wait()
            return False
        limit = min(target, host.limit())
        if member.has_caught_up and not going_live:
            # From here on the machine looks at the log by itself, until there is something to apply.
            self._run(limit, followed=ring.base)
        else:
            self._run(min(limit, machine.position + CATCH_UP_POSITIONS))
        ring.acknowledge(machine.position)
        return False

    def wait_after_end(self) -> None:
        """The guest has ended on this secondary: wait until the log says the same, or what comes of it."""
        self.host.pause(None if self.has_end_in_log() else END_POLL_S)

    def has_end_in_log(self) -> bool:
        """Whether the guest, ended here, has ended on the primary. `MachinesDifferError` if it runs on there."""
        position = self.host.machine.position
        assert self.host.channel is not None
        ring = self.host.channel.ring
        horizon = ring.horizon()
        entry = ring.peek()
        if entry is not None and (entry.kind, entry.position) == (END, position):
            return True
        if entry is not None or horizon > position + 1:
            raise MachinesDifferError("the guest's end", "the guest runs on", f"it ended at {position}")
        return False

    def _apply(self, entry: Entry) -> None:
        host = self.host
        if entry.kind == CHECK:
            host.checks += 1
        check_entry(host.machine, entry)
        host.take(entry.kind, entry.payload)

    def _wait(self) -> None:
        host = self.host
        host.collect_console()
        host.pause(POLL_S)

    def _wait_parked(self) -> None:
        """Every hart waits, where the log says more: right only if the primary was told to stop while it waited.

        It published one position beyond where it stopped, and logs nothing more.
        """
        position = self.host.machine.position
        assert self.host.channel is not None
        ring = self.host.channel.ring
        if ring.horizon() > position + 1 or ring.peek() is not None:
            raise MachinesDifferError("waiting", "a hart runs", f"every hart waits at {position}")
        self._wait()

    def _run(self, limit: int, followed: int = 0) -> None:
        host, machine = self.host, self.host.machine
        soft_error = self._next_soft_error()
        try:
            stop = machine.run(
                limit=limit,
                exact_icount=NEVER if soft_error is None else soft_error.icount,
                followed=followed,
                followed_limit=host.limit(),
                stop_when_quiet=host.checkpoint_wanted is not None,
            )
        except InternalError as failure:
            raise MachinesDifferError("the emulator", "it runs on", str(failure)) from failure
        if stop == Stop.EXACT and soft_error is not None:
            host.soft_errors.remove(soft_error)
            host.send(Injected(soft_error=str(soft_error)))
            flip(machine, soft_error)
        elif stop == Stop.KICKED:
            host.serve_requests()
        elif stop == Stop.CONSOLE_FULL:
            host.collect_console()
        elif stop == Stop.QUIET:
            host.fork_checkpoint()
        elif stop == Stop.PARKED:
            self._wait_parked()
        elif stop == Stop.OUTPUT_FULL:
            self._wait()
        elif stop == Stop.UNREADABLE:
            self._give_up_unreadable()
        elif stop in (Stop.FINISHED, Stop.IDLE):
            host.end(stop)
            if host.role is Role.SECONDARY:
                host.become(Event.GUEST_ENDED)
        else:
            host.crash_if_due()

    def _give_up_unreadable(self) -> None:
        """A disk can't be read here. If the log says that it couldn't there, either, that entry comes next."""
        machine = self.host.machine
        assert self.host.channel is not None
        entry = self.host.channel.ring.peek()
        if entry is None or entry.position != machine.position:
            disk = machine.config.disks[int(machine.control["unreadable"]) - 1]
            raise InternalError(f"the disk {disk.path} can't be read")

    def _next_soft_error(self) -> SoftError | None:
        """The next one that can still happen, while this is a secondary: not where it has been already."""
        host = self.host
        if host.role is not Role.SECONDARY:
            return None
        icount = host.machine.icount
        return next((error for error in host.soft_errors if error.icount >= icount), None)
