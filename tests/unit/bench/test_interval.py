"""The interval, from what was seen of the ring's header."""

from __future__ import annotations

import pytest

from bench.interval import intervals


def test_from_seen_published_to_seen_reached() -> None:
    samples = [(0.0, 10, 10), (0.001, 20, 10), (0.002, 20, 15), (0.004, 30, 20), (0.005, 30, 31)]
    assert intervals(samples) == pytest.approx([3, 1])


def test_a_horizon_that_is_not_reached_any_more_does_not_count() -> None:
    assert intervals([(0.0, 10, 10), (0.001, 20, 10), (0.002, 20, 12)]) == []
    assert intervals([]) == []
