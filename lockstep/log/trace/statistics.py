"""What a trace consists of, in numbers."""

from __future__ import annotations

import dataclasses

import numpy as np

from lockstep.log.entry import KIND_NAMES
from lockstep.log.layout import ENTRY_SIZE
from lockstep.log.trace.frames import CHECKPOINT, CONTENT, ENTRIES, FRAME_BYTES
from lockstep.log.trace.reader import TraceReader

BANDWIDTH_STEPS = 60


@dataclasses.dataclass(frozen=True)
class KindStatistics:
    """The entries of one kind."""

    entries: int
    bytes: int
    """In the ring: their headers and payloads."""


@dataclasses.dataclass(frozen=True)
class TraceStatistics:
    """A whole trace, or what there is of it."""

    kinds: dict[str, KindStatistics]
    """By name; those that there are."""
    icount: int
    """At the end; of a trace that breaks off the last position, which is a little more."""
    wall_s: float
    file_bytes: int
    entries_bytes: int
    """What the entries take in the file, frames included."""
    content_bytes: int
    checkpoints: int
    checkpoints_bytes: int
    bandwidth_bytes_per_s: list[float]
    """Of entries in the file, in equal steps of the run's time; empty if it took none."""

    @property
    def entries(self) -> int:
        """How many entries."""
        return sum(kind.entries for kind in self.kinds.values())

    @property
    def ring_bytes(self) -> int:
        """What they took in the ring."""
        return sum(kind.bytes for kind in self.kinds.values())

    @property
    def bytes_per_million_instructions(self) -> float:
        """Of entries in the file."""
        return self.entries_bytes / (self.icount / 1e6) if self.icount else 0.0


def statistics_of(trace: TraceReader) -> TraceStatistics:
    """Read all entries of `trace` and count. TraceError if a frame is damaged."""
    counts: dict[int, int] = {}
    payload_bytes: dict[int, int] = {}
    for _, columns in trace.batches():
        for kind in np.unique(columns.kinds):
            is_kind = columns.kinds == kind
            counts[int(kind)] = counts.get(int(kind), 0) + int(is_kind.sum())
            payload_bytes[int(kind)] = payload_bytes.get(int(kind), 0) + int(columns.lengths[is_kind].sum())
    end, frames = trace.end, trace.frames["frame"]
    wall_s = int(frames["wall_ns"].max()) / 1e9
    sizes = frames["length"] + FRAME_BYTES
    return TraceStatistics(
        kinds={
            KIND_NAMES.get(kind, str(kind)): KindStatistics(count, payload_bytes[kind] + ENTRY_SIZE * count)
            for kind, count in sorted(counts.items())
        },
        icount=trace.last_position if end is None or end.icount is None else end.icount,
        wall_s=wall_s,
        file_bytes=trace.size_bytes,
        entries_bytes=int(sizes[frames["kind"] == ENTRIES].sum()),
        content_bytes=int(sizes[frames["kind"] == CONTENT].sum()),
        checkpoints=len(trace.checkpoints),
        checkpoints_bytes=int(sizes[frames["kind"] == CHECKPOINT].sum()),
        bandwidth_bytes_per_s=_bandwidth(trace, wall_s),
    )


def _bandwidth(trace: TraceReader, wall_s: float) -> list[float]:
    frames = trace.frames["frame"]
    frames = frames[frames["kind"] == ENTRIES]
    if not wall_s or not len(frames):
        return []
    # What a frame holds came evenly since the frame before it.
    walls_s = np.concatenate(([0.0], frames["wall_ns"] / 1e9))
    written = np.concatenate(([0], np.cumsum(frames["length"] + FRAME_BYTES)))
    edges_s = np.linspace(0, wall_s, BANDWIDTH_STEPS + 1)
    written_at_edges = np.interp(edges_s, walls_s, written)
    written_at_edges[0] = 0
    steps: list[float] = (np.diff(written_at_edges) / np.diff(edges_s)).tolist()
    return steps
