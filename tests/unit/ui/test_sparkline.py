from __future__ import annotations

import pytest

from lockstep.ui.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "width", "bars"),
    [
        ([0, 1, 2, 4], None, "__-^"),
        ([0, 1, 2, 4], 6, "  __-^"),
        ([4, 1, 2, 4], 2, "-^"),
        ([0, 0], None, "__"),
        ([1, 2, 3], 0, ""),
        ([], 2, "  "),
        ([], None, ""),
    ],
)
def test_bars(values: list[float], width: int | None, bars: str) -> None:
    assert sparkline(values, "_-^", width) == bars
