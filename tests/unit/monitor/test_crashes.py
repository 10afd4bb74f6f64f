from __future__ import annotations

from lockstep.host.options import Crash, RunOptions
from lockstep.monitor.crashes import CrashSchedule

FIRST = Crash("primary", icount=20)
SECOND = Crash("secondary", after_s=1.0)
THIRD = Crash("primary", icount=5)


def test_one_at_a_time_in_order_and_only_when_protected() -> None:
    schedule = CrashSchedule(RunOptions(crashes=(FIRST, SECOND, THIRD)))
    assert schedule.due(0.1, is_protected=False) == []
    assert schedule.due(0.1, is_protected=True) == [FIRST]
    assert schedule.due(0.2, is_protected=True) == []
    assert schedule.next_at_s == 1.0
    assert schedule.due(1.0, is_protected=False) == []
    assert schedule.due(1.0, is_protected=True) == [SECOND]
    assert schedule.left == [THIRD]
    assert schedule.due(1.1, is_protected=True) == [THIRD]
    assert schedule.due(9.0, is_protected=True) == []
    assert schedule.left == []


def test_regardless_all_that_is_due_comes_at_once() -> None:
    schedule = CrashSchedule(RunOptions(crashes=(FIRST, THIRD, SECOND), crash_unprotected=True))
    assert schedule.due(0.0, is_protected=False) == [FIRST, THIRD]
    assert schedule.due(1.0, is_protected=False) == [SECOND]


def test_again_and_again_in_turns_primary_first() -> None:
    schedule = CrashSchedule(RunOptions(crash_every_s=0.5))
    assert schedule.due(0.4, is_protected=True) == []
    assert schedule.due(0.6, is_protected=False) == []
    victims = []
    for tenth in range(6, 40):
        victims += [crash.who for crash in schedule.due(tenth / 10, is_protected=True)]
    assert victims == ["primary", "secondary"] * 3 + ["primary"]


def test_nothing_is_due_without_a_wish() -> None:
    schedule = CrashSchedule(RunOptions())
    assert schedule.next_at_s is None
    assert schedule.due(100.0, is_protected=True) == []
