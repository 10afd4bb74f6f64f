from __future__ import annotations

import dataclasses
import os
import signal

import msgspec
import programs
import pytest
from trace_files import Recorder, record

from lockstep.host.recorded_pace import FRAME_NS_MAX, RecordedPace
from lockstep.host.replay import Replayer
from lockstep.host.replay_run import ReplayOptions, run_replay
from lockstep.log.trace.frames import ENTRIES
from lockstep.log.trace.reader import TraceReader

TIMER = programs.bundled("timer", "seconds=1")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.lst"


def run(path, **options):
    """The result of a replay, and what it showed."""
    shown = bytearray()
    with TraceReader(path) as trace:
        replayer = Replayer(trace, from_icount=options.get("from_icount", 0))
        result = run_replay(replayer, ReplayOptions(write_console=shown.extend, **options))
        replayer.close()
    return result, bytes(shown)


def test_all_of_it(path):
    recorded = record(path, dataclasses.replace(TIMER, clock="host"))
    result, shown = run(path)
    end = recorded.end
    assert shown == recorded.console
    assert (result.outcome, result.exit_code, result.icount, result.digest) == (
        "poweroff",
        0,
        end.icount,
        end.digest,
    )
    assert result.console == {"bytes": len(shown), "xxh3_128": end.console_xxh3_128}
    assert result.log["entries"] == sum(result.log["kinds"].values())
    assert result.checks == {"compared": result.log["kinds"]["check"] + 1, "mismatched": 0}
    assert (result.divergence, result.message) == (None, "")


def test_a_part_of_it(path):
    recorded = record(path, TIMER)
    icounts = [recorded.end.icount // 3, recorded.end.icount * 2 // 3]
    _, before = run(path, until_icount=icounts[0])
    result, shown = run(path, from_icount=icounts[0], until_icount=icounts[1])
    assert (result.outcome, result.exit_code, result.icount, result.message) == ("until", 0, icounts[1], "")
    assert recorded.console.startswith(before + shown)
    result, after = run(path, from_icount=icounts[1])
    assert before + shown + after == recorded.console
    assert (result.outcome, result.digest) == ("poweroff", recorded.end.digest)
    result, _ = run(path, until_icount=1 << 60)
    assert (result.outcome, result.exit_code) == ("poweroff", 0)
    assert result.message.startswith("the trace ends at icount")


@pytest.mark.parametrize(
    "changes",
    [
        {"icount": 5},
        {"digest": "00" * 16},
        {"console_bytes": 3},
        {"console_xxh3_128": "00" * 16},
        {"exit_code": 7},
        {"outcome": "exit"},
    ],
    ids=str,
)
def test_an_end_that_differs_is_a_divergence(path, changes):
    recorder = Recorder(programs.bundled("hello"))
    true_end = recorder._end
    recorder._end = lambda console: msgspec.structs.replace(true_end(console), **changes)
    path.write_bytes(recorder.run().data)
    result, _ = run(path)
    assert (result.outcome, result.exit_code) == ("divergence", 120)
    (what, expected), *_ = changes.items()
    assert result.divergence["what"].startswith(what.removesuffix("_xxh3_128"))
    assert result.divergence["expected"] == str(expected)
    assert result.checks["mismatched"] == 1
    assert "differs from the trace at icount" in result.message


def test_a_trace_that_breaks_off(path):
    recorded = record(path, TIMER)
    with TraceReader(path) as trace:
        frames = trace.frames
        entries = frames[frames["frame"]["kind"] == ENTRIES]
        middle = int(entries[len(entries) // 2]["offset"])
    path.write_bytes(recorded.data[: middle + 20])
    result, shown = run(path)
    assert (result.outcome, result.exit_code) == ("truncated", 0)
    assert (
        result.message
        == f"the trace breaks off at icount {result.icount:,}; its last 20 bytes are no whole frame"
    )
    assert recorded.console.startswith(shown)


def test_a_run_that_was_broken_off(path):
    recorded = record(path, programs.bundled("compute"), positions_max=10_000_000)
    result, _ = run(path)
    assert (result.outcome, result.exit_code, result.icount) == ("timeout", 0, recorded.end.icount)
    assert "the outcome of the recorded run was timeout" in result.message


def test_a_signal_ends_it(path):
    record(path, TIMER)
    with TraceReader(path) as trace:
        replayer = Replayer(trace)
        options = ReplayOptions(write_console=lambda data: os.kill(os.getpid(), signal.SIGTERM))
        result = run_replay(replayer, options)
        replayer.close()
    assert (result.outcome, result.exit_code, result.message) == ("interrupted", 130, "")


def test_at_the_recorded_pace(path):
    """The recorder says that a position is a nanosecond: what is shown when is known."""
    recorded = record(path, dataclasses.replace(TIMER, clock="host"), positions_max=60_000_000)
    result, shown = run(path, real_time=True)
    assert shown == recorded.console
    assert result.wall_s >= recorded.end.wall_s - FRAME_NS_MAX / 1e9


def test_real_time_between_frames_and_where_the_guest_waited(path):
    record(path, dataclasses.replace(TIMER, clock="host"), positions_max=20_000_000)
    with TraceReader(path) as trace:
        pace = RecordedPace(trace, 0)
        assert pace.wall_ns(0) == 0
        last = trace.frames[-1]["frame"]
        assert pace.wall_ns(int(last["last_position"])) == last["wall_ns"]
        walls = [pace.wall_ns(position) for position in range(0, int(last["last_position"]), 100_000)]
        assert walls == sorted(walls)
