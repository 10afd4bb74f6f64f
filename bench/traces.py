"""What is in a trace, in bytes."""

from __future__ import annotations

from pathlib import Path

from lockstep.log.trace.frames import ENTRIES, FRAME_BYTES
from lockstep.log.trace.reader import TraceReader
from lockstep.log.trace.statistics import TraceStatistics, statistics_of


def entry_bytes(path: Path) -> int:
    """Of the log entries: their frames, headers included, content and checkpoints apart."""
    with TraceReader(path) as trace:
        frames = trace.frames["frame"][trace.frames["frame"]["kind"] == ENTRIES]
        return int(frames["length"].sum()) + FRAME_BYTES * len(frames)


def entry_count(path: Path) -> int:
    """How many entries of the log."""
    with TraceReader(path) as trace:
        return trace.entries_count


def statistics(path: Path) -> TraceStatistics:
    """Of all of a trace."""
    with TraceReader(path) as trace:
        return statistics_of(trace)
