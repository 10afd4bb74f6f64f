"""A running pair as others see it: its status, its journal, and a way to act on it. Reading changes nothing."""

from __future__ import annotations

import os
import time
from collections import deque
from typing import Any

from lockstep.host.options import Remote, RunOptions
from lockstep.log.layout import ENTRY_SIZE
from lockstep.machine.config import MachineConfig
from lockstep.monitor.journal import Listener
from lockstep.monitor.parties import Console, Host
from lockstep.monitor.status import HostStatus, Status
from lockstep.monitor.supervisor import Supervisor
from lockstep.monitor.watching import Watcher, Watching

SAMPLE_EVERY_S = 0.2
SAMPLES = 6
"""MIPS are of the last second."""


class Observation:
    """The `StatusSource` of a real pair. Its methods may be called from any thread."""

    def __init__(
        self, name: str, config: MachineConfig, options: RunOptions, supervisor: Supervisor, remote: Remote
    ) -> None:
        """Of a pair that was just made."""
        self.name = name
        self.remote = remote
        self._guest, self._config, self._options = name, config, options
        self._supervisor = supervisor
        self._samples: deque[tuple[float, int]] = deque(maxlen=SAMPLES)
        self._interval_ms = 0.0
        self.watching = Watching()

    def tick(self, now_s: float) -> None:
        """For the monitor's loop: sample what is shown as a rate."""
        if not self._samples or now_s - self._samples[-1][0] >= SAMPLE_EVERY_S:
            self._samples.append((now_s, self._icount()))
        self.watching.tick(self._supervisor.fleet.hosts.values())

    def listen(self, listener: Listener) -> None:
        """Have `listener` called in the monitor's thread with what happens from now on; it must not block."""
        self._supervisor.journal.listen(listener)

    def watch(self, watcher: Watcher) -> None:
        """Have `watcher` called in the monitor's thread with what the secondary does; it must not block."""
        self.watching.add(watcher)
        self.remote.wake()

    def unwatch(self, watcher: Watcher) -> None:
        """No more."""
        self.watching.remove(watcher)

    def status(self) -> Status:
        """How the pair stands now."""
        supervisor, protector = self._supervisor, self._supervisor.protector
        console: Console = supervisor.console
        log, log_bytes = self._log()
        started_at_s, ended = supervisor.started_at_s, supervisor.ending.ended
        last_s = time.monotonic() if ended is None else ended.at_s
        return Status(
            name=self.name,
            monitor_pid=os.getpid(),
            guest=self._guest,
            clock=self._config.clock,
            channel=self._options.channel,
            harts=self._config.harts,
            memory_bytes=self._config.memory_bytes,
            uptime_s=0.0 if started_at_s is None else max(last_s - started_at_s, 0.0),
            protection=protector.status.value,
            reason=self._reason(),
            generation=protector.sink.generation,
            hosts=[self._host(host) for host in list(supervisor.fleet.hosts.values())],
            icount=self._icount(),
            mips=self._mips(),
            interval_ms=self._interval(),
            log_entries=sum(log.values()),
            log_bytes=log_bytes,
            log_kinds=log,
            checks_compared=supervisor.divergences.compared,
            checks_mismatched=supervisor.divergences.mismatched,
            console_bytes=console.written,
            failovers=list(protector.failovers),
            clones=list(protector.clones),
            happenings=list(supervisor.journal.last),
        )

    def _host(self, host: Host) -> HostStatus:
        beat = host.beat
        role = self._supervisor.role_of(host)
        return HostStatus(
            number=host.number,
            role=role,
            pid=host.pid,
            icount=0 if beat is None else beat.icount,
            behind_positions=0 if beat is None or role == "primary" else beat.behind_positions,
        )

    def _reason(self) -> str:
        protector = self._supervisor.protector
        making = protector.reprotection
        for host in (protector.primary, protector.secondary):
            if host is not None and host.dying_at_s is not None:
                return f"host {host.number} dies"
        if protector.failover is not None:
            return "the survivor goes live"
        if making is not None:
            if not making.host.is_ready:
                return "a new host starts"
            return "the new host catches up" if making.bytes else "the guest's state is copied to a new host"
        return protector.trouble

    def _icount(self) -> int:
        ended, primary = self._supervisor.ending.ended, self._supervisor.protector.primary
        if ended is not None:
            return ended.icount
        beat = None if primary is None else primary.beat
        return 0 if beat is None else beat.icount

    def _mips(self) -> float:
        samples = list(self._samples)
        if len(samples) < 2 or self._supervisor.ending.ended is not None:
            return 0.0
        (from_s, before), (to_s, after) = samples[0], samples[-1]
        return max(after - before, 0) / (to_s - from_s) / 1e6

    def _interval(self) -> float:
        primary, secondary = self._supervisor.protector.primary, self._supervisor.protector.secondary
        if primary is None or secondary is None:
            return 0.0
        if primary.beat is not None and primary.beat.interval_ms is not None:
            self._interval_ms = primary.beat.interval_ms
        return self._interval_ms

    def _log(self) -> tuple[dict[str, int], int]:
        """Entries by kind, and their bytes."""
        ended, primary = self._supervisor.ending.ended, self._supervisor.protector.primary
        said: Any = ended if ended is not None else None if primary is None else primary.beat
        if said is None:
            return {}, 0
        return dict(said.log), said.log_bytes + sum(said.log.values()) * ENTRY_SIZE
