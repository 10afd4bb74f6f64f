"""A host's part in a trace: it keeps what it takes of the log, and sends it to the monitor when that is its duty.

One host at a time has the duty: the secondary as long as there is one, so that the primary isn't slowed. The others
keep what they have until they hear that the monitor has it. All this is the control thread's.
"""

from __future__ import annotations

import os
import time

from lockstep.ft.member import EVERYTHING
from lockstep.ft.roles import Role
from lockstep.host import messages as m
from lockstep.host.checkpointing import is_written
from lockstep.host.host import Host
from lockstep.host.tape import Tape

SEND_EVERY_S = 0.1


class Recording:
    """What a traced host does for the trace."""

    def __init__(self, host: Host) -> None:
        """From now on `host` keeps a tape."""
        self.host = host
        self.tape = Tape()
        host.keep_tape(self.tape)
        self._is_on_duty = False
        self._next_at_s = 0.0

    def hear(self, message: m.AnyMessage) -> None:
        """What the monitor says about the trace."""
        match message:
            case m.Record():
                self._is_on_duty = True
                self.tape.discard(message.ordinal)
                self._send()
            case m.StopRecording():
                self._send()
                self._is_on_duty = False
                self.host.send(m.RecordingStopped())
            case m.EntriesRecorded():
                self.tape.discard(message.ordinal)
            case m.Checkpoint():
                self._want_checkpoint(self.host.wire.descriptors.popleft())

    def tick(self, now_s: float) -> None:
        """Send what is due."""
        if self._is_on_duty and (now_s >= self._next_at_s or self.tape.is_filling):
            self._next_at_s = now_s + SEND_EVERY_S
            self._send()
        self._finish_checkpoint()

    def _send(self) -> None:
        below = self._held()
        while (batch := self.tape.take_batch(below)) is not None:
            self.host.send(
                m.Recorded(
                    first_ordinal=self.tape.first_ordinal + batch.first_sequence,
                    count=batch.count,
                    first_position=batch.first_position,
                    last_position=batch.last_position,
                    body=batch.body,
                    at_s=time.monotonic(),
                )
            )

    def _held(self) -> int:
        """The trace is output, too (rule 2): what a primary took leaves once the secondary holds it."""
        member = self.host.member
        return member.held(self.host.channel_held()) if member.speaks else EVERYTHING

    def _want_checkpoint(self, descriptor: int) -> None:
        def begin() -> None:
            if self.host.role is Role.SECONDARY and self.host.checkpoint_wanted is None:
                self.host.checkpoint_wanted = descriptor
            else:
                os.close(descriptor)

        self.host.request(begin)

    def _finish_checkpoint(self) -> None:
        checkpoint = self.host.checkpoint
        if checkpoint is None or (is_whole := is_written(checkpoint)) is None:
            return
        self.host.checkpoint = None
        self.host.send(m.Checkpointed(place=checkpoint.place, is_whole=is_whole))
