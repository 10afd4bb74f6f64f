"""A recorded run, as a script walks about in it."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import assembler
import programs
import pytest
from trace_files import Recorded, record

from lockstep import Machine, Stop, Trace, diff
from lockstep.errors import DivergenceError, LockstepError, TraceError, UsageError

ECHO = dataclasses.replace(programs.bundled("echo"), clock="host")
TYPED = b"one\ntwo\nquit\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.lst"


def test_what_it_says_of_its_run(path: Path) -> None:
    recorded = record(path, ECHO, live=TYPED)
    with Trace(path) as trace:
        info = trace.info
        assert (info.guest_name, info.clock, info.harts, info.is_complete) == ("", "host", 1, True)
        assert (info.icount, info.digest, info.outcome) == (
            recorded.end.icount,
            recorded.end.digest,
            "poweroff",
        )
        assert info.entries == len(list(trace.entries()))
        assert info.size_bytes == path.stat().st_size
        assert info.checkpoints == tuple(sorted(info.checkpoints))


def test_its_entries(path: Path) -> None:
    recorded = record(
        path, dataclasses.replace(programs.bundled("timer", "seconds=0"), clock="host"), live=TYPED
    )
    with Trace(path) as trace:
        assert [(one.position, one.payload) for one in trace.entries("input")] == [(0, TYPED)]
        (end,) = trace.entries(("end",))
        assert end.position == recorded.end.position
        everything = list(trace.entries())
        assert [one.ordinal for one in everything] == list(range(len(everything)))
        some = list(trace.entries(["input", "end"], first_position=1, last_position=everything[-1].position))
        assert some == [one for one in everything if one.kind in ("input", "end") and one.position >= 1]
        with pytest.raises(UsageError, match="no kind of entry 'rumour'"):
            next(trace.entries("rumour"))


def test_the_whole_run_again(path: Path) -> None:
    recorded = record(path, ECHO, live=TYPED)
    with Trace(path) as trace:
        machine = trace.replay()
        assert machine.follows_trace
        assert (machine.console, machine.exit_code) == (recorded.console, 0)
        assert machine.run() == machine.step() == "poweroff"
        assert (machine.icount, machine.digest()) == (recorded.end.icount, recorded.end.digest)


def test_any_place_of_a_run_that_has_no_other_input(path: Path) -> None:
    """Under the virtual clock the same place can be come to without the trace."""
    config = programs.bundled("timer", "seconds=1")
    record(path, config)
    straight = Machine("timer", append="seconds=1", memory=config.memory_bytes)
    draw = random.Random(3)
    with Trace(path) as trace:
        length = trace.info.icount
        assert length is not None
        places = sorted(draw.randrange(length) for _ in range(4))
        for icount in places:
            straight.run_until(icount=icount)
            machine = trace.at(icount)
            assert machine.icount == icount
            assert not diff(machine, straight), f"icount {icount}: {diff(machine, straight)}"


@pytest.fixture(scope="module")
def compute(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recorded]:
    """A run of some fifty million instructions, with checkpoints."""
    path = tmp_path_factory.mktemp("compute") / "t.lst"
    config = dataclasses.replace(programs.bundled("compute", "scale=1 rounds=1"), clock="host")
    return path, record(path, config)


def test_forth_and_back_again(compute: tuple[Path, Recorded], tmp_path: Path) -> None:
    path, recorded = compute
    with Trace(path) as trace:
        assert len(trace.info.checkpoints) > 1
        middle = (recorded.end.icount or 0) // 2
        machine = trace.at(middle)
        place = machine.copy()
        for distance in (1, 2, 1000, 3_000_000):
            assert machine.step_back(distance) == "icount"
            assert machine.icount == middle - distance
            assert machine.step(distance) == "icount"
            assert not machine.diff(place), f"{distance}: {machine.diff(place)}"
        assert machine.step_back(1 << 50) == "icount"
        assert machine.icount == 0
        assert machine.run() == "poweroff"
        assert (machine.icount, machine.digest()) == (recorded.end.icount, recorded.end.digest)
        assert place.run() == "poweroff"
        assert place.digest() == recorded.end.digest


def test_back_to_a_breakpoint(compute: tuple[Path, Recorded], tmp_path: Path) -> None:
    with Trace(compute[0]) as trace:
        machine = trace.at(0)
        forward = []
        while machine.run_until(pc=["mergesort_phase", "crc32_phase"]) == "breakpoint":
            forward.append((machine.icount, machine.pc))
        assert len(forward) >= 2
        back = []
        while machine.run_back_until(pc=["mergesort_phase", "crc32_phase"]) == "breakpoint":
            back.append((machine.icount, machine.pc))
        assert back == forward[::-1]
        assert machine.icount == 0
        machine.run_until(icount=forward[0][0] + 5)
        machine.add_breakpoint("main")
        assert machine.run_back_until() == "breakpoint"
        assert machine.symbol_at(machine.pc) == "main"


def test_a_machine_that_is_changed_leaves_the_trace(path: Path) -> None:
    recorded = record(path, ECHO, live=TYPED)
    with Trace(path) as trace:
        machine = trace.at(100)
        snapshot = machine.snapshot()
        machine.reg_write("a0", 5)
        assert not machine.follows_trace
        with pytest.raises(UsageError, match="only a machine that follows a trace"):
            machine.step_back()
        machine.restore(snapshot)
        assert machine.follows_trace
        for change in (lambda: machine.type("x"), lambda: machine.mem_write(assembler.RAM, b"")):
            machine.restore(snapshot)
            change()
            assert not machine.follows_trace
        machine.restore(snapshot)
        assert machine.run() == "poweroff"
        assert machine.digest() == recorded.end.digest


def test_what_would_have_been(path: Path) -> None:
    """From a place of the recorded run on, with other input."""
    record(path, ECHO, live=TYPED)
    with Trace(path) as trace:
        machine = trace.at(0)
        machine.type("an other\nquit\n")  # a UART that is set up drops what came before
        assert machine.run(timeout_s=60) == "poweroff"
        assert b"rehto" in machine.console
        assert b"eno" not in machine.console


def test_a_trace_that_breaks_off(compute: tuple[Path, Recorded], tmp_path: Path) -> None:
    whole, path = compute[0].read_bytes(), tmp_path / "cut.lst"
    path.write_bytes(whole[: len(whole) * 8 // 10])
    with Trace(path) as trace:
        info = trace.info
        assert (info.is_complete, info.outcome, info.icount) == (False, None, None)
        machine = trace.replay()
        assert machine.run() is Stop.END_OF_TRACE
        end = machine.icount
        assert machine.step() == "end of trace"
        with pytest.raises(UsageError, match=f"ends at icount {end}"):
            trace.at(end + 10_000_000)
        assert machine.step_back() == "icount"
        assert machine.icount == end - 1


def test_what_isnt_as_recorded_is_found(compute: tuple[Path, Recorded]) -> None:
    with Trace(compute[0]) as trace:
        machine = trace.at(1000)
        machine.core.board["rtc_epoch_ns"] += 1  # nothing that the log brings puts this right again
        with pytest.raises(DivergenceError):
            machine.run()


def test_a_trace_without_its_guest(path: Path, tmp_path: Path) -> None:
    guest = tmp_path / "guest.elf"
    source = programs.bundled("hello").guest
    assert isinstance(source, Path)
    guest.write_bytes(source.read_bytes())
    recorded = record(path, dataclasses.replace(programs.bundled("hello"), guest=guest), keeps_guest=False)
    moved = guest.rename(tmp_path / "moved.elf")
    with pytest.raises(TraceError, match="only the hash of the guest"):
        Trace(path)
    with pytest.raises(TraceError, match="isn't the guest"):
        Trace(path, files={"guest": path})
    with Trace(path, files={"guest": moved}) as trace:
        assert trace.replay().console == recorded.console


def test_traces_that_cant_be_used(compute: tuple[Path, Recorded], tmp_path: Path) -> None:
    with Trace(compute[0]) as trace:
        machine = trace.at(10)
        with pytest.raises(UsageError, match="before the run's start"):
            trace.at(-1)
    assert machine.reg_read("pc") == machine.pc
    with pytest.raises(UsageError, match="closed"):
        machine.step()
    path = tmp_path / "t.lst"
    path.write_bytes(b"no trace")
    for wrong in (path, tmp_path, tmp_path / "nothing"):
        with pytest.raises(TraceError) as raised:
            Trace(wrong)
        assert isinstance(raised.value, LockstepError)
        assert "\n" not in str(raised.value)
