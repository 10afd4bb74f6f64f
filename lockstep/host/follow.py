"""The machine thread as secondary: runs from the log, says nothing, and goes live when told."""

from __future__ import annotations

from lockstep.errors import DivergenceError
from lockstep.ft.following import Step, has_caught_up, next_step
from lockstep.ft.roles import Event, Role
from lockstep.host.entries import apply_entry, check_place
from lockstep.host.host import Host
from lockstep.host.messages import CaughtUp
from lockstep.log.entry import KIND_NAMES
from lockstep.machine.machine import Stop

POLL_S = 0.0003
"""How long a secondary that has caught up waits before it looks at the log again."""
RUN_POSITIONS = 500_000
"""How far to run, at least, before the primary is told about it; the less the closer it is followed."""


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
            check_place(machine, entry)
            apply_entry(machine, entry.kind, entry.payload)
            ring.pop()
            name = KIND_NAMES[entry.kind]
            host.entries[name] = host.entries.get(name, 0) + 1
            host.entry_bytes += len(entry.payload)
            return False
        if not member.has_caught_up and has_caught_up(machine.position, horizon):
            member.has_caught_up = True
            host.send(CaughtUp())
        if step is not Step.RUN or host.is_at_max_icount:
            if going_live:
                return True
            self._wait()
            return False
        stretch = max((target - machine.position) // 4, RUN_POSITIONS)
        self._run(min(target, host.limit(), machine.position + stretch))
        ring.acknowledge(machine.position)
        return False

    def _wait(self) -> None:
        host = self.host
        host.collect_console()
        host.pause(POLL_S)

    def _run(self, limit: int) -> None:
        host, machine = self.host, self.host.machine
        stop = machine.run(limit=limit)
        if stop == Stop.KICKED:
            host.serve_requests()
        elif stop == Stop.CONSOLE_FULL:
            host.collect_console()
        elif stop == Stop.PARKED:
            raise DivergenceError(
                f"divergence: the secondary waits at {machine.position}, where the primary did not"
            )
        elif stop in (Stop.FINISHED, Stop.IDLE):
            host.end(stop)
            if host.role is Role.SECONDARY:
                host.become(Event.GUEST_ENDED)
        else:
            host.crash_if_due()
