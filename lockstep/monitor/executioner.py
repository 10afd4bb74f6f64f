"""Kills hosts as the schedule of crashes, or somebody else, wants it; and carries out other orders to a pair."""

from __future__ import annotations

from lockstep.ft.status import Protection
from lockstep.host import messages as m
from lockstep.host.options import Remote, RunOptions
from lockstep.monitor.crashes import CrashSchedule
from lockstep.monitor.parties import Host
from lockstep.monitor.supervisor import Supervisor


class Executioner:
    """Carries out `--crash`, `--crash-every`, and kills on demand."""

    def __init__(self, options: RunOptions) -> None:
        """Nobody is to die yet."""
        self.schedule = CrashSchedule(options)
        self._regardless = options.crash_unprotected

    def next_at_s(self, supervisor: Supervisor) -> float | None:
        """When the next crash is due, if that is known."""
        at_s, started_at_s = self.schedule.next_at_s, supervisor.started_at_s
        return None if at_s is None or started_at_s is None else started_at_s + at_s

    def act(self, supervisor: Supervisor, now_s: float) -> None:
        """Kill who is due."""
        if supervisor.started_at_s is None or supervisor.ending.ended is not None:
            return
        protector = supervisor.protector
        hosts = supervisor.fleet.hosts.values()
        if any(host.crash_armed for host in hosts) and not self._regardless:
            return
        # A host takes its time to die: until that is noticed the pair looks Protected and isn't.
        is_dying = any(host.dying_at_s is not None for host in hosts)
        is_protected = protector.status is Protection.PROTECTED and not is_dying
        for crash in self.schedule.due(now_s - supervisor.started_at_s, is_protected=is_protected):
            if crash.icount is None:
                self.kill(supervisor, crash.who, now_s, "as scheduled")
            elif (victim := protector.primary if crash.who == "primary" else protector.secondary) is not None:
                victim.crash_armed = True
                victim.send(m.CrashAt(icount=crash.icount))
                _note(supervisor, crash.who, victim, f"as scheduled, at icount {crash.icount}")

    def kill(self, supervisor: Supervisor, who: str, now_s: float, by: str) -> None:
        """Kill the `primary` or the `secondary`, if there is one; `by` says on whose wish."""
        victim = supervisor.protector.primary if who == "primary" else supervisor.protector.secondary
        if victim is not None and supervisor.ending.ended is None:
            _note(supervisor, who, victim, by)
            victim.dying_at_s = now_s
            victim.kill()


def _note(supervisor: Supervisor, who: str, victim: Host, by: str) -> None:
    text = f"host {victim.number} ({who}) is to be killed: {by}"
    supervisor.journal.note("crash", text, host=victim.number, pid=victim.pid, role=who, by=by)


def obey(remote: Remote, executioner: Executioner, supervisor: Supervisor, now_s: float) -> None:
    """Carry out what `remote` was asked for since the last time. Not before the guest runs."""
    if supervisor.started_at_s is None:
        return
    for order in remote.take_orders():
        if order.what == "stop":
            supervisor.journal.note("stop", f"the run is to end: {order.by or 'stopped'}", by=order.by)
            supervisor.ending.end("interrupted", now_s)
        elif order.what == "protect":
            supervisor.protector.reprotect_now()
        else:
            executioner.kill(supervisor, order.what, now_s, order.by or "asked for")
