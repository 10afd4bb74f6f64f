from __future__ import annotations

import dataclasses

import msgspec
import programs
import pytest
import random_programs
from trace_entries import RESULT
from trace_files import Recorder, record

from lockstep.errors import TraceError, UsageError
from lockstep.host.divergence import MachinesDifferError
from lockstep.host.recorded_guest import recorded_config
from lockstep.host.replay import Replayer
from lockstep.log.entry import CHECK, CLOCK
from lockstep.log.trace.reader import TraceReader


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.lst"


def replay(path, **options):
    """Replay the trace at `path` to its end; the replayer and its console."""
    console = bytearray()
    with TraceReader(path) as trace:
        replayer = Replayer(trace, on_console=console.extend, **options)
        assert replayer.run_until()
        replayer.close()
    return replayer, bytes(console)


def assert_same_end(recorded, replayer, console):
    machine, end = replayer.machine, recorded.end
    assert (machine.icount, machine.position, machine.digest()) == (end.icount, end.position, end.digest)
    assert console == recorded.console
    assert replayer.has_ended == (end.outcome != "timeout")


TIMER = programs.bundled("timer", "seconds=1")


@pytest.mark.parametrize(
    "config",
    [
        programs.bundled("hello"),
        TIMER,
        dataclasses.replace(TIMER, clock="host"),
        programs.bundled("smp", harts=4),
        programs.machine_config(random_programs.random_program(1, random_programs.Kinds(harts=2)), harts=2),
    ],
    ids=["hello", "timer", "timer-host", "smp", "random"],
)
def test_the_same_run_again(path, config):
    recorded = record(path, config)
    replayer, console = replay(path)
    assert_same_end(recorded, replayer, console)
    with TraceReader(path) as trace:
        kinds = [kind for _, columns in trace.batches() for kind in columns.kinds]
    assert replayer.checks == kinds.count(CHECK)
    assert config.clock == "virtual" or kinds.count(CLOCK) > 50


def record_long(path, clock):
    """A guest with several checkpoints: one that computes, or one that waits for real time."""
    if clock == "virtual":
        return record(
            path, programs.bundled("compute"), positions_max=30_000_000, checkpoint_positions=8_000_000
        )
    return record(path, dataclasses.replace(TIMER, clock=clock))


def parts(path):
    """The frames of the trace at `path` as (kind, end in the file)."""
    with TraceReader(path) as trace:
        frames = trace.frames
        ends = frames["offset"] + 64 + frames["frame"]["length"]
        return [(int(kind), int(end)) for kind, end in zip(frames["frame"]["kind"], ends, strict=True)]


@pytest.mark.parametrize("clock", ["virtual", "host"])
def test_from_a_checkpoint_it_is_the_same_machine(path, clock):
    recorded = record_long(path, clock)
    with TraceReader(path) as trace:
        checkpoints = trace.checkpoints
        assert len(checkpoints) >= 2
        for checkpoint in checkpoints:
            console = bytearray()
            replayer = Replayer(trace, from_icount=checkpoint.icount + 1000, on_console=console.extend)
            assert replayer.checkpoint == checkpoint
            assert replayer.icount == checkpoint.icount
            assert replayer.run_until()
            assert_same_end(recorded, replayer, recorded.console[: checkpoint.console_bytes] + console)
            replayer.close()


@pytest.mark.parametrize("clock", ["virtual", "host"])
def test_an_exact_icount_is_the_same_state_however_one_comes_there(path, clock):
    recorded = record_long(path, clock)
    with TraceReader(path) as trace:
        second = trace.checkpoints[1]
        goals = [second.icount + 1, second.icount + 777, (second.icount + recorded.end.icount) // 2]
        config = recorded_config(trace)
        console = bytearray()
        through = Replayer(trace, config=config, on_console=console.extend)
        for goal in goals:
            assert through.run_until(goal)
            assert through.icount == goal
            direct = Replayer(trace, config=config, from_icount=goal)
            assert direct.checkpoint is not None
            assert direct.run_until(goal)
            assert direct.machine.digest() == through.machine.digest()
            direct.close()
        # Having stopped there has changed nothing.
        assert through.run_until()
        assert_same_end(recorded, through, bytes(console))
        through.close()


def test_stops_at_places_where_entries_are_change_nothing(path):
    recorded = record(path, dataclasses.replace(TIMER, clock="host"))
    with TraceReader(path) as trace:
        icounts = []
        probe = Replayer(trace)
        probe.run_until(before_console=lambda position: icounts.append(probe.icount))
        probe.close()
        console = bytearray()
        replayer = Replayer(trace, on_console=console.extend)
        for icount in icounts[:-1:5]:
            for goal in (icount, icount + 1):
                before = replayer.icount
                assert replayer.run_until(goal)
                assert replayer.icount == max(goal, before)
        assert replayer.run_until()
        assert_same_end(recorded, replayer, bytes(console))
        replayer.close()


def test_live_and_typed_input_come_again(path):
    recorded = record(
        path, dataclasses.replace(programs.bundled("echo"), clock="host"), live=b"one\ntwo\nquit\n"
    )
    assert b"owt" in recorded.console
    replayer, console = replay(path)
    assert_same_end(recorded, replayer, console)
    recorded = record(path, programs.bundled("echo"), typed=b"three\nquit\n")
    assert b"eerht" in recorded.console
    replayer, console = replay(path)
    assert_same_end(recorded, replayer, console)


def test_a_run_that_was_broken_off_is_replayed_to_where_it_was(path):
    recorded = record(path, TIMER, positions_max=30_000_000)
    replayer, console = replay(path)
    assert_same_end(recorded, replayer, console)


def test_cut_behind_any_frame_it_is_replayed_to_there(path):
    recorded = record(path, dataclasses.replace(TIMER, clock="host"))
    whole, frames = path.read_bytes(), parts(path)
    reached = []
    for _, end in frames[1 :: max(len(frames) // 8, 1)]:
        path.write_bytes(whole[: end + 30])
        with TraceReader(path) as trace:
            expected = trace.last_position
        replayer, console = replay(path)
        assert replayer.position >= expected
        assert recorded.console.startswith(console)
        reached.append(replayer.position)
    assert reached == sorted(reached)
    assert len(set(reached)) > 4


def test_a_machine_that_differs_is_found(path):
    config = dataclasses.replace(TIMER, clock="host")
    record(path, config, append=b"seconds=1 ")
    with pytest.raises(MachinesDifferError):
        replay(path)


def test_a_guest_that_ends_elsewhere_is_found(path):
    """One that runs on where it should have ended, and one that ends where it should have run on."""
    recorded = Recorder(TIMER)
    recorded.writer.end(msgspec.structs.replace(RESULT, position=5_000_000))
    path.write_bytes(recorded.file.getvalue())
    with pytest.raises(MachinesDifferError, match="the guest runs on"):
        replay(path)
    recorder = Recorder(programs.bundled("hello"))
    recorder.writer.end(msgspec.structs.replace(RESULT, position=10**9))
    path.write_bytes(recorder.file.getvalue())
    with pytest.raises(MachinesDifferError, match="it ended at"):
        replay(path)


def test_a_trace_with_hashes_needs_the_guest(path, tmp_path):
    guest = tmp_path / "guest.elf"
    guest.write_bytes(programs.bundled("hello").guest.read_bytes())
    config = dataclasses.replace(programs.bundled("hello"), guest=guest)
    recorded = record(path, config, keeps_guest=False)
    assert_same_end(recorded, *replay(path))
    elsewhere = guest.rename(tmp_path / "elsewhere.elf")
    with pytest.raises(TraceError, match="give it as --guest FILE"):
        replay(path)
    with TraceReader(path) as trace:
        assert_same_end(recorded, *replay(path, config=recorded_config(trace, {"guest": elsewhere})))
        elsewhere.write_bytes(elsewhere.read_bytes() + b"\0")
        with pytest.raises(TraceError, match="isn't the guest that the run was started from"):
            recorded_config(trace, {"guest": elsewhere})
        with pytest.raises(TraceError, match="can't be read: No such file"):
            recorded_config(trace, {"guest": tmp_path / "nowhere"})
        with pytest.raises(UsageError, match="--kernel is given"):
            recorded_config(trace, {"kernel": elsewhere, "guest": guest})


def test_another_version_is_refused(path):
    record(path, programs.bundled("hello"), lockstep_version="0.0.7")
    with pytest.raises(TraceError, match="is lockstep 0\\.0\\.7's"):
        replay(path)


def test_a_machine_that_there_is_not_is_refused(path):
    record(path, programs.bundled("hello"), clock="sundial")
    with pytest.raises(TraceError, match="a machine that there isn't"):
        replay(path)
