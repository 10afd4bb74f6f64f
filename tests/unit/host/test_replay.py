from __future__ import annotations

import dataclasses

import programs
import pytest
from trace_files import record

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
        programs.machine_config(programs.random_program(1, programs.Kinds(harts=2)), harts=2),
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
