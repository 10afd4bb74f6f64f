from __future__ import annotations

import pytest
from trace_entries import RESULT, some_entries, trace_bytes

from lockstep.log.trace.reader import TraceReader
from lockstep.log.trace.statistics import BANDWIDTH_STEPS, statistics_of


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.lst"


def test_everything_is_counted(path):
    entries = some_entries(40)
    path.write_bytes(trace_bytes(entries))
    with TraceReader(path) as trace:
        statistics = statistics_of(trace)
        frames = trace.frames["frame"]
    assert {name: kind.entries for name, kind in statistics.kinds.items()} == {"input": 14, "clock": 26}
    assert statistics.entries == 40
    assert statistics.ring_bytes == sum(40 + len(entry.payload) for entry in entries)
    assert statistics.entries_bytes == sum(64 + frame["length"] for frame in frames if frame["kind"] == 3)
    assert (statistics.icount, statistics.wall_s) == (RESULT.icount, RESULT.wall_s)
    assert statistics.bytes_per_million_instructions == statistics.entries_bytes / RESULT.icount * 1e6
    assert (statistics.checkpoints, statistics.file_bytes) == (2, path.stat().st_size)


def test_the_bandwidth_adds_up(path):
    path.write_bytes(trace_bytes(some_entries(40)))
    with TraceReader(path) as trace:
        statistics = statistics_of(trace)
    steps = statistics.bandwidth_bytes_per_s
    assert len(steps) == BANDWIDTH_STEPS
    assert sum(steps) * statistics.wall_s / len(steps) == pytest.approx(statistics.entries_bytes)


def test_a_trace_without_entries(path):
    path.write_bytes(trace_bytes([], ended=False))
    with TraceReader(path) as trace:
        statistics = statistics_of(trace)
    assert (statistics.entries, statistics.wall_s, statistics.bandwidth_bytes_per_s) == (0, 0, [])
    assert statistics.bytes_per_million_instructions == 0
