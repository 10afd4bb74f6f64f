"""The pace of a recorded run: how far real time was at each position, as the trace's frames say."""

from __future__ import annotations

import time
from typing import Final

import numpy as np

from lockstep.log.trace.frames import CHECKPOINT, END, ENTRIES
from lockstep.log.trace.reader import TraceReader

NS_PER_S = 1_000_000_000
FRAME_NS_MAX = 100_000_000
"""A host sends the entries that it took this often: those of one frame are no further apart."""


class RecordedPace:
    """Waits where the recorded run was later than the replay is."""

    STRETCH_POSITIONS: Final = 1_000_000
    """How far the machine may run before this is asked: a millisecond."""

    def __init__(self, trace: TraceReader, position: int) -> None:
        """The replay stands at `position` now."""
        frames = trace.frames["frame"]
        positions, walls_ns = [0.0], [0.0]
        for frame in frames[np.isin(frames["kind"], (ENTRIES, CHECKPOINT, END))]:
            if frame["kind"] == ENTRIES:
                # What comes before a frame's first entry may have been a long wait there.
                positions.append(frame["first_position"] + 0.5)
                walls_ns.append(frame["wall_ns"] - FRAME_NS_MAX)
            positions.append(frame["last_position"])
            walls_ns.append(frame["wall_ns"])
        order = np.argsort(positions, kind="stable")
        self._positions = np.array(positions, float)[order]
        self._walls_ns = np.maximum.accumulate(np.array(walls_ns, float)[order])
        self._start_ns = time.monotonic_ns() - self.wall_ns(position)

    def wall_ns(self, position: int) -> float:
        """Real time from the recorded run's start until it came to `position`."""
        return float(np.interp(position, self._positions, self._walls_ns))

    def wait(self, position: int) -> None:
        """Sleep until the recorded run was at `position`."""
        ahead_ns = self.wall_ns(position) - (time.monotonic_ns() - self._start_ns)
        if ahead_ns > 0:
            time.sleep(ahead_ns / NS_PER_S)
