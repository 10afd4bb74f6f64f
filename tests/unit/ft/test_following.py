from __future__ import annotations

import pytest

from lockstep.ft.following import Step, has_caught_up, next_step


@pytest.mark.parametrize(
    ("position", "horizon", "entry", "going_live", "expected"),
    [
        (5, 9, None, False, (Step.RUN, 9)),
        (9, 9, None, False, (Step.WAIT, 9)),
        (9, 9, None, True, (Step.AT_CUT, 9)),
        (5, 9, 7, False, (Step.RUN, 7)),
        (9, 9, 12, False, (Step.RUN, 12)),
        (9, 9, 12, True, (Step.RUN, 12)),
        (7, 9, 7, False, (Step.APPLY, 7)),
        (7, 7, 7, True, (Step.APPLY, 7)),
    ],
)
def test_next_step(
    position: int, horizon: int, entry: int | None, going_live: bool, expected: tuple[Step, int]
) -> None:
    assert next_step(position, horizon, entry, going_live=going_live) == expected


def test_nobody_has_caught_up_with_a_log_that_has_not_begun() -> None:
    assert not has_caught_up(0, 0)
    assert has_caught_up(5, 10, within_positions=6)
    assert not has_caught_up(5, 10, within_positions=5)
