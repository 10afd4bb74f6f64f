"""Who of the hosts sends the log for the run's trace, when states are written, and what of both goes into it.

The duty goes to the secondary, and to the primary while there is none. It moves only when the host that has it is
gone or has sent all it had: so what arrives is one sequence of entries, each once, whoever dies.
"""

from __future__ import annotations

import time
from typing import BinaryIO

from lockstep.host import messages as m
from lockstep.host.checkpointing import CheckpointSchedule
from lockstep.host.trace_file import TraceFile
from lockstep.log.trace.coding import EntryBatch
from lockstep.monitor.parties import Host
from lockstep.monitor.supervisor import Supervisor


class Recorder:
    """Moves the duty between hosts, and passes what they send on to the trace."""

    def __init__(self, file: TraceFile, supervisor: Supervisor) -> None:
        """Nothing has been recorded."""
        self.file = file
        self._supervisor = supervisor
        self._on_duty: Host | None = None
        self._is_stopping = False
        self._is_asked_for_rest = False
        self._writing: tuple[Host, BinaryIO] | None = None
        """A state that a host was asked for."""
        self._schedule: CheckpointSchedule | None = None

    def hear(self, host: Host, message: m.AnyMessage) -> None:
        """`host` said something; what isn't about the trace is none of this."""
        if host is not self._on_duty:
            return
        match message:
            case m.Recorded() if message.first_ordinal == self.file.next_ordinal:
                self._record(message)
            case m.Checkpointed():
                self._end_checkpoint(host, message)
            case m.RecordingStopped():
                self._on_duty, self._is_stopping = None, False
                self.tick(time.monotonic())

    def tick(self, now_s: float) -> None:
        """Give the duty to whom it belongs now."""
        hosts, wanted = self._supervisor.fleet.hosts, self._wanted()
        if self._on_duty is not None and hosts.get(self._on_duty.number) is not self._on_duty:
            self._on_duty, self._is_stopping, self._is_asked_for_rest = None, False, False
        if wanted is None:
            return
        is_ended = self._supervisor.ending.ended is not None
        if self._on_duty is None or (is_ended and self._on_duty is wanted and not self._is_asked_for_rest):
            self._on_duty = wanted
            self._is_asked_for_rest = is_ended  # it may have sent all else long before
            wanted.send(m.Record(ordinal=self.file.next_ordinal))
        elif self._on_duty is not wanted and not self._is_stopping:
            self._is_stopping = True
            self._on_duty.send(m.StopRecording())
        self._ask_for_checkpoint(now_s)

    @property
    def is_complete(self) -> bool:
        """Whether the trace has every entry of a run that has ended, or will never have them."""
        ended = self._supervisor.ending.ended
        return ended is None or self._wanted() is None or self.file.next_ordinal >= sum(ended.log.values())

    def _wanted(self) -> Host | None:
        """Who should have the duty. At the end the primary: it knows which entry is the last."""
        protector = self._supervisor.protector
        if self._supervisor.ending.ended is not None and protector.primary is not None:
            return protector.primary
        return protector.secondary or protector.primary

    def _record(self, message: m.Recorded) -> None:
        batch = EntryBatch(
            first_sequence=message.first_ordinal,
            count=message.count,
            first_position=message.first_position,
            last_position=message.last_position,
            body=message.body,
        )
        self.file.entries(message.first_ordinal, batch, self._wall_ns(message.at_s))
        for host in (self._supervisor.protector.primary, self._supervisor.protector.secondary):
            if host is not None:
                host.send(m.EntriesRecorded(ordinal=self.file.next_ordinal))

    def _wall_ns(self, at_s: float) -> int:
        started_at_s = self._supervisor.started_at_s
        return 0 if started_at_s is None else max(int((at_s - started_at_s) * 1e9), 0)

    def _ask_for_checkpoint(self, now_s: float) -> None:
        supervisor = self._supervisor
        host, started_at_s = supervisor.protector.secondary, supervisor.started_at_s
        if started_at_s is None or supervisor.ending.ended is not None:
            return
        if self._writing is not None and self._writing[0] is not self._on_duty:
            self._forget_checkpoint()
        if self._schedule is None:
            self._schedule = CheckpointSchedule(self.file.trace.options.checkpoint_every_s, started_at_s)
        if self._writing is not None or host is None or host is not self._on_duty or self._is_stopping:
            return
        if self._schedule.take(now_s) and (state := self.file.open_checkpoint()) is not None:
            self._writing = host, state
            host.send(m.Checkpoint(), (state.fileno(),))

    def _end_checkpoint(self, host: Host, message: m.Checkpointed) -> None:
        if self._writing is None or self._writing[0] is not host:
            return
        (_, state), self._writing = self._writing, None
        if message.is_whole:
            self.file.checkpoint(message.place, self._wall_ns(message.place.at_s), state)
        else:
            state.close()

    def _forget_checkpoint(self) -> None:
        if self._writing is not None:
            self._writing[1].close()
            self._writing = None

    def close(self) -> None:
        """Let go of what is under way, and of the trace."""
        self._forget_checkpoint()
        self.file.close()
