from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from lockstep.monitor.arbiter import ArbiterError, DirectoryArbiter, Record, set_secondary, win
from lockstep.monitor.arbiter_directory import arbiter_directory

FIRST = Record(version=1, generation=1, primary=1, secondary=2)


@pytest.fixture
def arbiter(tmp_path: Path) -> DirectoryArbiter:
    arbiter = DirectoryArbiter(tmp_path)
    assert arbiter.begin(FIRST)
    return arbiter


def test_a_pair_begins_once(arbiter: DirectoryArbiter) -> None:
    assert not arbiter.begin(Record(1, 1, 8, 9))
    assert arbiter.current() == FIRST


def test_the_secondary_on_record_wins_the_next_generation(arbiter: DirectoryArbiter) -> None:
    assert win(arbiter, 2) == Record(2, 2, 2, None)
    assert arbiter.current() == Record(2, 2, 2, None)


@pytest.mark.parametrize("candidate", [1, 3])
def test_nobody_else_wins(arbiter: DirectoryArbiter, candidate: int) -> None:
    assert win(arbiter, candidate) is None
    assert arbiter.current() == FIRST


def test_a_secondary_that_its_primary_left_behind_never_wins(arbiter: DirectoryArbiter) -> None:
    assert set_secondary(arbiter, 1, None) is not None
    assert win(arbiter, 2) is None
    assert set_secondary(arbiter, 1, 3) is not None
    assert win(arbiter, 2) is None
    assert win(arbiter, 3) == Record(4, 2, 3, None)


def test_a_fenced_primary_changes_nothing(arbiter: DirectoryArbiter) -> None:
    assert win(arbiter, 2) is not None
    assert set_secondary(arbiter, 1, None) is None
    assert set_secondary(arbiter, 1, 3) is None
    assert arbiter.current() == Record(2, 2, 2, None)


def test_a_stale_view_loses(arbiter: DirectoryArbiter) -> None:
    stale = arbiter.current()
    assert set_secondary(arbiter, 1, None) is not None
    assert not arbiter.change(stale, Record(2, 2, 2, None))
    assert arbiter.current().secondary is None


def test_versions_go_up_by_one(arbiter: DirectoryArbiter) -> None:
    with pytest.raises(ValueError, match="next version"):
        arbiter.change(FIRST, Record(3, 2, 2, None))


def test_many_versions_stay_in_order(arbiter: DirectoryArbiter) -> None:
    for number in range(120):
        assert set_secondary(arbiter, 1, number) is not None
    assert arbiter.current() == Record(121, 1, 1, 119)


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_a_file_system_that_fails_is_reported(
    code: int, arbiter: DirectoryArbiter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", fail)
        with pytest.raises(ArbiterError, match=os.strerror(code)):
            win(arbiter, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["record-000000000001"]
    assert arbiter.current() == FIRST
    assert win(arbiter, 2) is not None, "once it works again, it goes on from there"


def test_a_directory_that_is_gone_is_reported(arbiter: DirectoryArbiter, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)
    with pytest.raises(ArbiterError, match="nobody may take over"):
        win(arbiter, 2)


def race(directory: Path, start: Barrier, won: multiprocessing.SimpleQueue[int], number: int) -> None:
    """The secondary against a primary that wants to go on alone, on the same record."""
    arbiter = DirectoryArbiter(directory)
    start.wait()
    if (win(arbiter, 2) if number else set_secondary(arbiter, 1, None)) is not None:
        won.put(number)


def test_of_two_processes_one_wins(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for turn in range(10):
        directory = tmp_path / str(turn)
        directory.mkdir()
        arbiter = DirectoryArbiter(directory)
        arbiter.begin(FIRST)
        start, won = context.Barrier(2), context.SimpleQueue()
        racers = [context.Process(target=race, args=(directory, start, won, number)) for number in (0, 1)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        winner = won.get()
        assert won.empty(), "both won"
        record = arbiter.current()
        assert record == (Record(2, 2, 2, None) if winner else Record(2, 1, 1, None))


def test_a_directory_lives_as_long_as_its_monitor(tmp_path: Path) -> None:
    with arbiter_directory(tmp_path) as mine, arbiter_directory(tmp_path) as other:
        assert mine.is_dir()
        assert other.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_monitor_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / "lockstep-arbiter-left"
    left.mkdir()
    (left / "lock").touch()
    (left / "record-000000000001").write_bytes(b"{}")
    with arbiter_directory(tmp_path) as mine:
        assert list(tmp_path.iterdir()) == [mine]
