from __future__ import annotations

import pytest

from lockstep.host.check_schedule import CheckSchedule
from lockstep.host.options import CheckIntervals

PAGES = 1000


def test_due_one_interval_after_the_last() -> None:
    schedule = CheckSchedule(CheckIntervals(0.05, 0.8), PAGES, 10.0)
    assert not schedule.is_due(10.049)
    assert schedule.is_due(10.051)
    schedule.take(10.06)
    assert schedule.until_due_s(10.08) == pytest.approx(0.03)
    schedule.restart(10.1)
    assert schedule.until_due_s(10.1) == pytest.approx(0.05)


def test_switched_off() -> None:
    schedule = CheckSchedule(CheckIntervals(None, 0.8), PAGES, 0.0)
    assert schedule.until_due_s(1e9) is None
    assert not schedule.is_due(1e9)


def test_without_ram() -> None:
    schedule = CheckSchedule(CheckIntervals(0.05, None), PAGES, 0.0)
    assert schedule.take(5.0) == (0, 0)


@pytest.mark.parametrize("late_s", [0.0, 0.004, 0.03])
def test_all_of_ram_in_time_however_late_checks_come(late_s: float) -> None:
    """Each page is covered again within the interval, and one check."""
    every_s, ram_every_s = 0.05, 0.8
    schedule = CheckSchedule(CheckIntervals(every_s, ram_every_s), PAGES, 0.0)
    last_s = [0.0] * PAGES
    longest_s = now_s = 0.0
    for _ in range(200):
        now_s += every_s + late_s
        first, count = schedule.take(now_s)
        assert first + count <= PAGES
        for page in range(first, first + count):
            longest_s = max(longest_s, now_s - last_s[page])
            last_s[page] = now_s
    assert longest_s <= ram_every_s + 2 * (every_s + late_s)


def test_a_check_covers_all_of_ram_once_at_most() -> None:
    schedule = CheckSchedule(CheckIntervals(0.05, 0.01), PAGES, 0.0)
    assert [schedule.take(1.0), schedule.take(60.0)] == [(0, PAGES), (0, PAGES)]


def test_what_the_end_of_ram_cut_short_is_made_up_for() -> None:
    schedule = CheckSchedule(CheckIntervals(0.3, 1.0), PAGES, 0.0)
    taken = [schedule.take(0.3 * number) for number in range(1, 7)]
    assert taken == [(0, 300), (300, 300), (600, 300), (900, 100), (0, 500), (500, 300)]
