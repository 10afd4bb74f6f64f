"""What a result says of its values."""

from __future__ import annotations

import pytest

from bench.results import CaseResult, paired_ratios, percentile, spread


def test_percentile_is_the_nearest_rank() -> None:
    values = [float(value) for value in range(200, 0, -1)]
    assert percentile(values, 50) == 100
    assert percentile(values, 99) == 198
    assert percentile(values, 100) == 200
    assert percentile([7.0], 1) == 7


def test_ratios_are_of_the_same_round() -> None:
    assert paired_ratios([2.0, 9.0], [1.0, 3.0]) == [2, 3]
    with pytest.raises(ValueError, match="argument 2"):
        paired_ratios([1.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("key", "value", "verdict"),
    [
        ("speed.unicorn", 2.0, "pass"),
        ("speed.unicorn", 1.99, "FAIL"),
        ("clone.pause", 5.0, "pass"),
        ("clone.pause", 5.01, "FAIL"),
    ],
)
def test_a_promise_is_judged(
    key: str, value: float, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    result = CaseResult("name", is_smoke=False)
    result.judge(key, value, "thing")
    assert result.targets == [{"promise": key, "of": "thing", "value": value, "verdict": verdict}]
    assert verdict in capsys.readouterr().out


def test_the_hash_is_of_the_work_alone() -> None:
    first, second, other = (CaseResult("name", is_smoke=True) for _ in range(3))
    first.value("time", "s", [1.0])
    second.value("time", "s", [2.0, 3.0])
    for result in (first, second):
        result.work("guest", {"icount": 1, "digest": "a"})
    other.work("guest", {"icount": 2, "digest": "a"})
    assert first.hash == second.hash != other.hash


def test_spread() -> None:
    found = spread([3.0, 1.0, 8.0])
    assert (found.median, found.min, found.max, found.count) == (3, 1, 8, 3)
