"""The trace of a machine without a secondary: the worker takes entries, the thread that attends to it writes them."""

from __future__ import annotations

import contextlib
import time
from typing import BinaryIO

from lockstep.ft.member import EVERYTHING
from lockstep.host.check_schedule import CheckSchedule
from lockstep.host.checkpointing import Checkpoint, CheckpointSchedule, fork_checkpoint, is_written
from lockstep.host.options import CheckIntervals
from lockstep.host.result import RunResult
from lockstep.host.tape import Tape
from lockstep.host.trace_file import TraceFile
from lockstep.machine.checks import PAGE_BYTES
from lockstep.machine.machine import Machine

CHECKS = CheckIntervals(every_s=0.25, ram_every_s=4.0)
"""For replays: there is nobody else to be compared with."""
WRITE_EVERY_S = 0.1


class SoloRecorder:
    """Everything about the trace. The worker's thread uses what is marked so."""

    def __init__(self, file: TraceFile, machine: Machine) -> None:
        """From here on `machine` keeps a tape."""
        self._file = file
        self._machine = machine
        self.tape = Tape()
        machine.control["tape"] = self.tape.ring.base
        now_s = time.monotonic()
        self._started_at_s = self._next_write_at_s = now_s
        self.checks = CheckSchedule(CHECKS, machine.wires.ram.nbytes // PAGE_BYTES, now_s)
        """Worker: when a check is due."""
        self._schedule = CheckpointSchedule(file.trace.options.checkpoint_every_s, now_s)
        self.wants_checkpoint = False
        """Worker: whether to stop at a quiet point and call `write_checkpoint`."""
        self._writing: tuple[Checkpoint, BinaryIO] | None = None

    @property
    def is_hungry(self) -> bool:
        """Whether a running machine had better come back for a checkpoint or a check."""
        return self.wants_checkpoint or self.checks.is_due(time.monotonic())

    def write_checkpoint(self) -> None:
        """Worker: the machine stands at a quiet point."""
        self.wants_checkpoint = False
        state = self._file.open_checkpoint()
        if state is not None:
            with contextlib.suppress(OSError):  # there is no process to be had now
                self._writing = fork_checkpoint(self._machine, state.fileno()), state

    def tick(self, now_s: float) -> None:
        """Write what is due."""
        if now_s >= self._next_write_at_s or self.tape.is_filling:
            self._next_write_at_s = now_s + WRITE_EVERY_S
            self._write(now_s)
        self._finish_checkpoint()
        if self._writing is None and self._schedule.take(now_s):
            self.wants_checkpoint = True

    def end(self, result: RunResult) -> RunResult:
        """The machine has stopped for good: write the rest. The result, with what is wrong with the trace."""
        self._write(time.monotonic())
        return self._file.end(result, self._machine.position)

    def close(self) -> None:
        """Let go of everything. May be called again."""
        if self._writing is not None:
            self._writing[1].close()
        self._file.close()

    def _write(self, now_s: float) -> None:
        while (batch := self.tape.take_batch(EVERYTHING)) is not None:
            self._file.entries(self._file.next_ordinal, batch, self._wall_ns(now_s))
            self.tape.discard(self._file.next_ordinal)

    def _finish_checkpoint(self) -> None:
        if self._writing is None or (is_whole := is_written(self._writing[0])) is None:
            return
        (checkpoint, state), self._writing = self._writing, None
        if is_whole:
            self._file.checkpoint(checkpoint.place, self._wall_ns(checkpoint.place.at_s), state)
        else:
            state.close()

    def _wall_ns(self, at_s: float) -> int:
        return max(int((at_s - self._started_at_s) * 1e9), 0)
