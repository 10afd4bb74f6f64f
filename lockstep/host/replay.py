"""A machine that runs again what a trace has of it. It follows a ring of its own, fed from the trace.

    trace ── entries, as the ring has room ──▶ ring ──▶ machine, which takes them as a secondary does
      └──── the nearest checkpoint, or the guest's files ──▶ where it starts

`Replayer` is for whoever wants to be anywhere in a run: `lockstep replay`, and the library's `Trace`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

from lockstep.errors import InternalError, TraceError
from lockstep.host.divergence import MachinesDifferError
from lockstep.host.entries import check_entry, take_entry
from lockstep.host.machine_state import read_machine
from lockstep.host.recorded_guest import recorded_config
from lockstep.log.entry import CHECK, END, Entry
from lockstep.log.shared import SharedRing
from lockstep.log.trace.columns import ColumnFeed
from lockstep.log.trace.reader import Checkpoint, TraceReader
from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine, Stop
from lockstep.machine.state import NEVER

RING_BYTES = 1 << 22
STRETCH_POSITIONS = 20_000_000
"""How far to run at most before output is passed on: some 20 ms."""
ENDED_BY_GUEST = ("poweroff", "exit", "idle")


class Replayer:
    """A recorded run, run again.

    `machine` stands at the run's start, or at the last checkpoint before `from_icount`; `run_until` moves it on. To go
    back, make another one with the same reader and config. `machine` may be looked at whenever it stands still;
    who changes it will find that it differs from the trace. What the guest writes to its console since the start
    goes to `on_console`.

    Raises TraceError for a trace that doesn't fit, and MachinesDifferError where the machine isn't as recorded.
    """

    def __init__(
        self,
        trace: TraceReader,
        *,
        config: MachineConfig | None = None,
        machine: Machine | None = None,
        from_icount: int = 0,
        on_console: Callable[[bytes], None] = lambda data: None,
    ) -> None:
        """Build the machine. `config` is what `recorded_config` gave, which saves reading the guest's files again.

        `machine` is one of this run, wherever it stands in it, that takes the place of one that would be built.
        """
        self.trace = trace
        self.config = config or recorded_config(trace)
        self.on_console = on_console
        self.checks = 0
        """How often the machine was compared with what was recorded."""
        self.stretch_positions = STRETCH_POSITIONS
        self.has_ended = False
        """Whether the guest has ended."""
        self.outcome = ""
        """How it has ended, as in a report."""
        self.checkpoint = None if machine is not None else nearest_checkpoint(trace, from_icount)
        """Where the machine started; None: at the run's start."""
        self.machine = machine or self._build()
        self._ring = SharedRing.create(RING_BYTES, 1, 1)
        ordinal = int(self.machine.control["entries"].sum())
        self._feeds: Iterator[ColumnFeed] = (ColumnFeed(columns) for _, columns in trace.batches(ordinal))
        self._feed = next(self._feeds, None)
        self._end_position = trace.last_position
        self._is_natural = machine is None
        """Whether the machine stands where entries may be taken, rather than at an exact icount."""

    def close(self) -> None:
        """Let go of the ring; the machine stays as it is."""
        self._ring.close()

    @property
    def icount(self) -> int:
        """Instructions retired."""
        return self.machine.icount

    @property
    def position(self) -> int:
        """The machine's position."""
        return self.machine.position

    @property
    def is_at_end(self) -> bool:
        """Whether there is nothing more to replay."""
        if self._guest_ends or self.has_ended:
            return self.has_ended
        return self._is_all_taken and self.position >= self._end_position

    def run_until(
        self, icount: int | None = None, *, before_console: Callable[[int], None] | None = None
    ) -> bool:
        """Run until exactly `icount` instructions have retired, or to the trace's end; whether it got there.

        `before_console`, if given, is called with the position each time that the machine has come a little further,
        and before what it wrote on its way is passed on.
        """
        while not self.is_at_end and (icount is None or self.icount < icount):
            self.step(NEVER if icount is None else icount)
            if before_console is not None:
                before_console(self.position)
            self._pass_on_console()
        return self.is_at_end if icount is None else self.icount >= icount

    def _build(self) -> Machine:
        description = self.trace.description
        machine = Machine(self.config, typed=description.typed, boot=self.checkpoint is None)
        if description.rtc_epoch_ns is not None:
            machine.board["rtc_epoch_ns"] = description.rtc_epoch_ns
        if self.checkpoint is not None:
            read_machine(machine, io.BytesIO(self.trace.checkpoint_body(self.checkpoint)))
            if (machine.icount, machine.position) != (self.checkpoint.icount, self.checkpoint.position):
                raise TraceError(
                    f"a checkpoint of the trace {self.trace.path} isn't where it says: record it again"
                )
        return machine

    @property
    def _guest_ends(self) -> bool:
        end = self.trace.end
        return end is not None and end.outcome in ENDED_BY_GUEST and end.position is not None

    def step(self, exact_icount: int = NEVER) -> Stop:
        """Take the entry that is due here, or run up to the next one that isn't taken in native code; why it stopped.

        It may stop before, and it does at exactly `exact_icount` instructions.
        """
        machine, ring = self.machine, self._ring
        self._fill()
        entry = ring.peek()
        if entry is None or entry.position > machine.position:
            # Nothing is stamped below the next entry. Beyond the last one the guest ends, if it did.
            target = self._end_position + self._guest_ends if entry is None else entry.position
            if machine.position >= target:
                raise MachinesDifferError(
                    "the guest's end", f"it ended at {self._end_position}", "the guest runs on"
                )
            return self._run(target, exact_icount, follows=entry is not None)
        if not self._is_natural:
            return self._run(machine.position, exact_icount)
        if entry.kind == END and entry.position == machine.position:
            # The guest ends here; or else, at the next look, the machine is past the entry.
            return self._run(machine.position + 1, exact_icount)
        self._take(entry)
        return Stop.REACHED

    @property
    def _is_all_taken(self) -> bool:
        return self._feed is None and self._ring.peek() is None

    def _fill(self) -> None:
        while self._feed is not None:
            self._feed.put(self._ring)
            if not self._feed.is_done:
                return
            self._feed = next(self._feeds, None)

    def _take(self, entry: Entry) -> None:
        if entry.kind == CHECK:
            self.checks += 1
        check_entry(self.machine, entry)
        take_entry(self.machine, entry.kind, entry.payload)
        self._ring.pop()

    def _run(self, limit: int, exact_icount: int, *, follows: bool = False) -> Stop:
        machine = self.machine
        try:
            stop = machine.run(
                limit=min(limit, machine.position + self.stretch_positions),
                exact_icount=exact_icount,
                followed=self._ring.base if follows else 0,
                followed_limit=machine.position + self.stretch_positions,
            )
        except InternalError as failure:
            raise MachinesDifferError("the emulator", "it runs on", str(failure)) from failure
        self._is_natural = stop is not Stop.EXACT
        if stop is Stop.PARKED:
            raise MachinesDifferError("waiting", "a hart runs", f"every hart waits at {machine.position}")
        if stop is Stop.UNREADABLE:
            raise TraceError("what was on a disk before the run can't be read any more: give another copy")
        if stop in (Stop.FINISHED, Stop.IDLE):
            self._end(stop)
        return stop

    def _end(self, stop: Stop) -> None:
        self.has_ended = True
        self.outcome = "idle" if stop is Stop.IDLE else "exit" if self.machine.exited else "poweroff"
        entry = self._ring.peek()
        is_expected = entry is None or (entry.kind, entry.position) == (END, self.position)
        if not is_expected or self.position != self._end_position:
            raise MachinesDifferError("the guest's end", "the guest runs on", f"it ended at {self.position}")
        if entry is not None:
            take_entry(self.machine, END, b"")

    def _pass_on_console(self) -> None:
        data = self.machine.drain_console()
        if data:
            self.on_console(data)


def nearest_checkpoint(trace: TraceReader, icount: int) -> Checkpoint | None:
    """The last checkpoint that lies no later than `icount`; None: the run's start does."""
    return max(
        (checkpoint for checkpoint in trace.checkpoints if checkpoint.icount <= icount),
        key=lambda checkpoint: checkpoint.position,
        default=None,
    )
