"""Sides: processes whose checkpoints are forks of themselves."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from lockstep.errors import InternalError, UsageError
from lockstep.verify import side as side_module
from lockstep.verify.side import Side, SideDied


class Counter:
    def __init__(self) -> None:
        self.value = 0

    def add(self, amount: int) -> int:
        self.value += amount
        return self.value

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    def hang(self) -> None:
        while True:
            time.sleep(60)

    def fail(self) -> None:
        raise UsageError("it makes no sense")

    def process(self) -> int:
        return os.getpid()


@pytest.fixture
def side() -> Iterator[Side]:
    made = Side("tested", Counter())
    yield made
    made.end()


def test_rollback_goes_back_and_drop_does_not(side: Side) -> None:
    side.call("add", 1)
    side.push(1)
    assert side.call("add", 10) == 11
    side.push(2)
    assert side.call("add", 100) == 111
    side.rollback()
    assert side.call("add", 0) == 11
    side.push(3)
    assert side.call("add", 1000) == 1011
    side.drop(3)
    assert side.call("add", 0) == 1011
    side.rollback()
    assert side.call("add", 0) == 1


def test_the_oldest_checkpoint_can_go_first(side: Side) -> None:
    for number in range(1, 20):
        side.push(number)
        side.call("add", 1)
        if number > 2:
            side.drop(number - 2)
    side.rollback()
    assert side.call("add", 0) == 18
    side.rollback()
    assert side.call("add", 0) == 17


def test_one_that_dies_is_back_at_its_checkpoint(side: Side) -> None:
    side.call("add", 5)
    side.push(1)
    side.call("add", 5)
    with pytest.raises(SideDied, match="was ended by signal 15"):
        side.call("die")
    assert side.call("add", 0) == 5


def test_one_that_hangs_is_killed(side: Side) -> None:
    side.push(1)
    side.begin("hang")
    with pytest.raises(SideDied, match="was ended by signal 9"):
        side.result(limit_s=0.05)
    assert side.call("add", 1) == 1


def test_one_that_dies_without_a_checkpoint_is_gone(side: Side) -> None:
    with pytest.raises(InternalError, match="the process of the tested machine is gone"):
        side.call("die")


def test_its_errors_come_back_and_it_goes_on(side: Side) -> None:
    with pytest.raises(InternalError, match="the tested machine: it makes no sense"):
        side.call("fail")
    assert side.call("add", 1) == 1


def test_no_process_is_left_behind() -> None:
    side = Side("tested", Counter())
    pids = {side.call("process")}
    for number in range(3):
        side.push(number)
        pids.add(side.call("process"))
    side.drop(1)
    side.end()
    deadline_s = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}") and _lives(pid) for pid in pids):
        assert time.monotonic() < deadline_s, f"one of {pids} is still there"
        os.sched_yield()


def test_one_that_hangs_is_ended_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_module, "END_LIMIT_S", 0.05)
    side = Side("tested", Counter())
    first = side.call("process")
    side.push(1)
    last = side.call("process")
    side.begin("hang")
    side.end()
    assert not any(_lives(pid) for pid in (first, last))


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
