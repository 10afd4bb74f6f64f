"""When the view draws."""

from __future__ import annotations

import itertools

import pytest

from lockstep.ui.live.pacing import COST_SHARE, CREDIT_S_MAX, FRAME_S, FRAME_S_MAX, Pacing


def frames_at(pacing: Pacing, start_s: float, end_s: float, cost_s: float) -> list[float]:
    """When frames are drawn if there is always something new."""
    drawn = []
    now_s = start_s
    while now_s < end_s:
        drawn.append(now_s)
        pacing.drew(now_s, cost_s)
        now_s = max(now_s, pacing.next_frame_s)
    return drawn


@pytest.mark.parametrize("cost_s", [0.0002, 0.001, COST_SHARE * FRAME_S_MAX])
def test_frames_take_no_more_than_their_share(cost_s: float) -> None:
    drawn = frames_at(Pacing(), 1000.0, 1100.0, cost_s)
    assert (len(drawn) - 1) * cost_s <= 100 * COST_SHARE + CREDIT_S_MAX + cost_s
    gaps = [after - before for before, after in itertools.pairwise(drawn)]
    assert min(gaps) >= FRAME_S * 0.999
    assert max(gaps) <= FRAME_S_MAX * 1.001


def test_who_types_after_a_rest_sees_it_at_once() -> None:
    pacing = Pacing()
    frames_at(pacing, 0.0, 100.0, 0.002)
    burst = frames_at(pacing, 120.0, 120.375, 0.002)
    assert burst == pytest.approx([120.0 + FRAME_S * number for number in range(8)])


def test_frames_that_are_too_expensive_come_twice_a_second() -> None:
    drawn = frames_at(Pacing(), 0.0, 50.0, 0.2)
    assert len(drawn) == pytest.approx(50 / FRAME_S_MAX, abs=2)


def test_a_key_is_drawn_at_once() -> None:
    pacing = Pacing()
    frames_at(pacing, 0.0, 10.0, 0.05)
    pacing.hurry()
    assert pacing.next_frame_s == 0.0
