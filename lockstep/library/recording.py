"""A recorded run, and the way of a machine along it.

To come to a place, a machine starts at the nearest state before it that is known: the run's start, a checkpoint in the
trace, or a snapshot of an earlier visit, which is kept in memory.
"""

from __future__ import annotations

import bisect
import io
from collections.abc import Mapping
from pathlib import Path

from lockstep.errors import UsageError
from lockstep.host.machine_state import read_machine
from lockstep.host.recorded_guest import recorded_config
from lockstep.host.replay import Replayer, nearest_checkpoint
from lockstep.library.runner import Goal, Runner
from lockstep.library.snapshot import Snapshot, clear, restore_snapshot, take_snapshot
from lockstep.library.symbols import Symbols, symbols_of
from lockstep.log.trace.reader import TraceReader
from lockstep.machine.machine import Machine, Stop

NEAR_INSTRUCTIONS = 1_000_000
"""How far in front of a place that was asked for a snapshot is left: going back a little costs that much running."""
SNAPSHOTS_MAX = 16


class Recording:
    """A trace that machines follow."""

    def __init__(self, path: Path, files: Mapping[str, Path] | None) -> None:
        """Open it. TraceError if it can't be replayed."""
        self.reader = TraceReader(path)
        try:
            self.config = recorded_config(self.reader, files)
        except BaseException:
            self.reader.close()
            raise
        self.is_closed = False
        self.typed = self.reader.description.typed
        self._snapshots: list[Snapshot] = []
        """By icount."""
        self._symbols: Symbols | None = None

    @property
    def symbols(self) -> Symbols:
        """Of the guest's files."""
        if self._symbols is None:
            config = self.config
            self._symbols = symbols_of((config.guest, config.kernel, config.bios))
        return self._symbols

    def close(self) -> None:
        """Close the file."""
        self.is_closed = True
        self.reader.close()

    def build(self) -> Machine:
        """A machine of the run, nowhere yet."""
        return Machine(self.config, typed=self.typed, boot=False)

    def move(self, runner: Runner, icount: int) -> None:
        """Bring the machine of `runner` to exactly `icount` instructions, or to where the trace ends before that."""
        self._start(runner, icount)
        if icount - runner.machine.icount > 2 * NEAR_INSTRUCTIONS:
            runner.run(Goal(icount=icount - NEAR_INSTRUCTIONS))
            self._keep(take_snapshot(runner.machine, bytes(runner.console)))
        runner.run(Goal(icount=icount))

    def _start(self, runner: Runner, icount: int) -> None:
        """To the last place before `icount` that is known."""
        if self.is_closed:
            raise UsageError("the trace is closed: use its machines inside of the `with`")
        machine = runner.machine
        kept = bisect.bisect_right(self._snapshots, icount, key=lambda snapshot: snapshot.icount)
        snapshot = self._snapshots[kept - 1] if kept else None
        checkpoint = nearest_checkpoint(self.reader, icount)
        if snapshot is not None and (checkpoint is None or snapshot.icount >= checkpoint.icount):
            restore_snapshot(machine, snapshot)
            runner.rewrite(snapshot.console)
        elif checkpoint is not None:
            clear(machine)
            read_machine(machine, io.BytesIO(self.reader.checkpoint_body(checkpoint)))
            runner.rewrite(b"")
        else:
            start = self._run_start()
            self._keep(start)
            restore_snapshot(machine, start)
            runner.rewrite(b"")

    def _run_start(self) -> Snapshot:
        fresh = Machine(self.config, typed=self.typed)
        if self.reader.description.rtc_epoch_ns is not None:
            fresh.board["rtc_epoch_ns"] = self.reader.description.rtc_epoch_ns
        return take_snapshot(fresh, b"")

    def _keep(self, snapshot: Snapshot) -> None:
        bisect.insort(self._snapshots, snapshot, key=lambda kept: kept.icount)
        if len(self._snapshots) > SNAPSHOTS_MAX:
            # The one that the others make up for best: with the nearest neighbour before it.
            gaps = [
                after.icount - before.icount
                for before, after in zip(self._snapshots, self._snapshots[1:], strict=False)
            ]
            del self._snapshots[gaps.index(min(gaps)) + 1]


class RecordedCourse:
    """What the recorded run met, met again by one machine."""

    def __init__(self, recording: Recording) -> None:
        """For a machine of `recording`, wherever it stands in it."""
        self.recording = recording
        self._replayer: Replayer | None = None

    def run(self, machine: Machine, limit: int, exact_icount: int) -> Stop | None:
        """As `machine.run`; None where the trace ends."""
        if machine.icount >= exact_icount:
            return Stop.EXACT
        recording = self.recording
        if recording.is_closed:
            raise UsageError("the trace is closed: use its machines inside of the `with`")
        if self._replayer is None:
            self._replayer = Replayer(recording.reader, config=recording.config, machine=machine)
        replayer = self._replayer
        if replayer.is_at_end and not replayer.has_ended:
            return None
        stop = Stop.REACHED if replayer.has_ended else replayer.step(exact_icount)
        if replayer.has_ended:
            return Stop.FINISHED if machine.board["finisher"]["stopped"] else Stop.IDLE
        return stop

    def rejoin(self) -> None:
        """The machine stands somewhere else in the run now."""
        if self._replayer is not None:
            self._replayer.close()
        self._replayer = None
