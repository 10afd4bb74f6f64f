"""A recorded run for scripts: its log, and the machine at any place of it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType

import numpy as np

from lockstep.errors import DivergenceError, UsageError
from lockstep.library.machine import Machine
from lockstep.library.native import prepare
from lockstep.library.recording import RecordedCourse, Recording
from lockstep.log.entry import KIND_NAMES
from lockstep.machine.state import NEVER

_KNOWN_AT_END = ("outcome", "exit_code", "icount", "digest", "console_bytes", "wall_s")
KINDS = {name: kind for kind, name in KIND_NAMES.items()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TraceInfo:
    """What a trace says of its run. What nobody knows, because the trace breaks off, is None."""

    guest_name: str
    guest_sha256: str
    lockstep_version: str
    memory_bytes: int
    harts: int
    clock: str
    append: str
    size_bytes: int
    entries: int
    """Of the log."""
    checkpoints: tuple[int, ...]
    """Their icounts."""
    is_complete: bool
    outcome: str | None
    exit_code: int | None
    icount: int | None
    digest: str | None
    console_bytes: int | None
    wall_s: float | None


@dataclasses.dataclass(frozen=True)
class TraceEntry:
    """One entry of the log."""

    ordinal: int
    """Its number in the run, from 0."""
    kind: str
    """`input`, `clock`, `check`, `end`."""
    position: int
    """Where it took effect: icount + traps + switches between harts."""
    pc: int
    payload: bytes


class Trace:
    """The trace of a run, as `lockstep run --trace` or `Pair(trace=...)` wrote it.

        with Trace("t.lst") as trace:
            machine = trace.at(5_000_000)       # the machine after exactly so many instructions
            machine.step_back()                 # and before that
            machine.run_back_until(pc="main")

    Errors are TraceErrors, and DivergenceErrors where a machine isn't as recorded; both are LockstepErrors.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        files: Mapping[str, str | os.PathLike[str]] | None = None,
    ) -> None:
        """Open the trace at `path`.

        `files` says where the guest's files are that the trace has only hashes of, by role: `guest`, `bios`, `kernel`,
        `initrd`. TraceError if it is no trace, is damaged, another version's, or of other files.
        """
        prepare()
        self._recording = Recording(Path(path), {role: Path(file) for role, file in (files or {}).items()})

    @property
    def info(self) -> TraceInfo:
        """What it says of its run."""
        reader = self._recording.reader
        description, end = reader.description, reader.end
        return TraceInfo(
            guest_name=description.guest_name,
            guest_sha256=description.guest_sha256,
            lockstep_version=description.lockstep_version,
            memory_bytes=description.memory_bytes,
            harts=description.harts,
            clock=description.clock,
            append=description.append.decode(errors="replace"),
            size_bytes=reader.size_bytes,
            entries=reader.entries_count,
            checkpoints=tuple(checkpoint.icount for checkpoint in reader.checkpoints),
            is_complete=reader.is_complete,
            **{name: getattr(end, name, None) for name in _KNOWN_AT_END},
        )

    def entries(
        self,
        kind: str | Iterable[str] | None = None,
        *,
        first_position: int = 0,
        last_position: int | None = None,
    ) -> Iterator[TraceEntry]:
        """The log's entries in order: those of one `kind` or several, within positions, both included."""
        kinds = [_kind(one) for one in ((kind,) if isinstance(kind, str) else kind or KINDS)]
        last = NEVER if last_position is None else last_position
        return self._entries(kinds, first_position, last)

    def _entries(self, kinds: list[int], first: int, last: int) -> Iterator[TraceEntry]:
        for frame, columns in self._recording.reader.batches():
            if frame["last_position"] < first or frame["first_position"] > last:
                continue
            is_wanted = np.isin(columns.kinds, kinds)
            is_wanted &= (columns.positions >= first) & (columns.positions <= last)
            offsets = columns.offsets
            for index in np.flatnonzero(is_wanted):
                offset = int(offsets[index])
                yield TraceEntry(
                    int(frame["first_ordinal"]) + int(index),
                    KIND_NAMES[int(columns.kinds[index])],
                    int(columns.positions[index]),
                    int(columns.pcs[index]) & (1 << 64) - 1,
                    columns.payloads[offset : offset + int(columns.lengths[index])].tobytes(),
                )

    def at(self, icount: int) -> Machine:
        """A machine that stands where the run was after exactly `icount` instructions, and goes on as it did.

        It is run there from the nearest checkpoint, or from near the last place asked for: going back and forth is
        cheap. Machines of several calls are independent. UsageError if the trace ends before.
        """
        if icount < 0:
            raise UsageError(f"icount {icount} is before the run's start: give 0 or more")
        machine = self._machine()
        machine._go_to(icount)
        return machine

    def replay(self) -> Machine:
        """Run all of it again, checks compared; the machine at its end. DivergenceError if that isn't as recorded."""
        machine = self._machine()
        machine._go_to(0)
        machine.run()
        end = self._recording.reader.end
        if end is not None:
            for what, expected, actual in (
                ("icount", end.icount, machine.icount),
                ("console_bytes", end.console_bytes, len(machine.console)),
                ("digest", end.digest, machine.digest()),
            ):
                if expected is not None and expected != actual:
                    raise DivergenceError(
                        f"the replay ends with {what} {actual} where {expected} was recorded: run lockstep verify"
                    )
        return machine

    def _machine(self) -> Machine:
        recording = self._recording
        course = RecordedCourse(recording)
        return Machine._of(recording.build(), recording.typed, course=course, symbols=recording.symbols)

    def close(self) -> None:
        """Close the file. Machines that came out of it can be looked into, but don't run on."""
        self._recording.close()

    def __enter__(self) -> Trace:
        """To be closed at the end of the `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def _kind(name: str) -> int:
    kind = KINDS.get(name)
    if kind is None:
        raise UsageError(f"there is no kind of entry {name!r}: give one of {', '.join(KINDS)}")
    return kind
