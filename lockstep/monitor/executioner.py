"""Kills hosts as the schedule of crashes, or somebody else, wants it."""

from __future__ import annotations

from lockstep.ft.status import Protection
from lockstep.host import messages as m
from lockstep.host.options import RunOptions
from lockstep.monitor.crashes import CrashSchedule
from lockstep.monitor.parties import Host
from lockstep.monitor.supervisor import Supervisor


class Executioner:
    """Carries out `--crash`, `--crash-every` and what a `Remote` asks for."""

    def __init__(self, options: RunOptions) -> None:
        """Nobody is to die yet."""
        self.schedule = CrashSchedule(options)
        self._regardless = options.crash_unprotected
        self._remote = options.remote

    def next_at_s(self, supervisor: Supervisor) -> float | None:
        """When the next crash is due, if that is known."""
        at_s, started_at_s = self.schedule.next_at_s, supervisor.started_at_s
        return None if at_s is None or started_at_s is None else started_at_s + at_s

    def act(self, supervisor: Supervisor, now_s: float) -> None:
        """Kill who is due."""
        if supervisor.started_at_s is None or supervisor.ending.ended is not None:
            return
        protector = supervisor.protector
        for who in self._remote.take_victims() if self._remote is not None else ():
            self._kill(protector.primary if who == "primary" else protector.secondary, now_s)
        hosts = supervisor.fleet.hosts.values()
        if any(host.crash_armed for host in hosts) and not self._regardless:
            return
        # A host takes its time to die: until that is noticed the pair looks Protected and isn't.
        is_dying = any(host.dying_at_s is not None for host in hosts)
        is_protected = protector.status is Protection.PROTECTED and not is_dying
        for crash in self.schedule.due(now_s - supervisor.started_at_s, is_protected=is_protected):
            victim = protector.primary if crash.who == "primary" else protector.secondary
            if crash.icount is None:
                self._kill(victim, now_s)
            elif victim is not None:
                victim.crash_armed = True
                victim.send(m.CrashAt(icount=crash.icount))

    @staticmethod
    def _kill(victim: Host | None, now_s: float) -> None:
        if victim is not None:
            victim.dying_at_s = now_s
            victim.kill()
