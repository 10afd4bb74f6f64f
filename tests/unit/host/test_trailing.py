"""The vLockstep interval from looks at both positions."""

from __future__ import annotations

import pytest

from lockstep.host.trailing import Trailing


def interval_ms(looks: list[tuple[float, int, int | None]]) -> float | None:
    trailing = Trailing()
    for look in looks:
        trailing.take_mean_ms()
        trailing.look(*look)
    return trailing.take_mean_ms()


def test_a_secondary_at_the_primary_s_place_does_not_trail() -> None:
    assert interval_ms([(0.0, 100, 100), (1.0, 100, 100)]) == 0.0


@pytest.mark.parametrize(("acknowledged", "expected_ms"), [(1000, 20.0), (1500, 15.0), (2999, 0.01)])
def test_it_is_where_the_primary_was_so_long_ago(acknowledged: int, expected_ms: float) -> None:
    looks = [(0.0, 0, 1), (0.01, 1000, 1), (0.02, 2000, 1), (0.03, 3000, acknowledged)]
    assert interval_ms(looks) == pytest.approx(expected_ms)


def test_a_primary_that_waited_since_makes_it_no_smaller() -> None:
    assert interval_ms([(0.0, 0, 1), (0.1, 1000, 1), (0.5, 1000, 500)]) == pytest.approx(450.0)


def test_one_that_stands_still_trails_more_and_more() -> None:
    looks = [(at_s / 10, at_s * 100, 1) for at_s in range(50)]
    assert interval_ms(looks) == pytest.approx(4899.0)


def test_without_a_secondary_there_is_none_and_what_was_seen_is_forgotten() -> None:
    assert interval_ms([(0.0, 0, 5), (1.0, 100, None)]) is None
    assert interval_ms([(0.0, 0, 5), (1.0, 100, None), (2.0, 200, 150)]) == 0.0


def test_the_mean_is_of_what_was_seen_since_the_last() -> None:
    trailing = Trailing()
    for at_s, acknowledged in ((0.0, 0), (0.1, 50), (0.2, 200)):
        trailing.look(at_s, int(at_s * 1000), acknowledged)
    assert trailing.take_mean_ms() == pytest.approx(25.0)
    assert trailing.take_mean_ms() is None
