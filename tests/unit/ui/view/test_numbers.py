"""Numbers in little room."""

from __future__ import annotations

import pytest

from lockstep.ui.view.numbers import bytes_text, clock_text, count_text, milliseconds_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (bytes_text(0), "0 B"),
        (bytes_text(999), "999 B"),
        (bytes_text(1000), "0.977 KiB"),
        (bytes_text(256 << 20), "256 MiB"),
        (bytes_text(9_100_000), "8.68 MiB"),
        (count_text(999.4), "999"),
        (count_text(999.6), "1 k"),
        (count_text(41_223), "41.2 k"),
        (count_text(1_252_641_223), "1.25 G"),
        (milliseconds_text(0.613), "0.61 ms"),
        (milliseconds_text(38.2), "38 ms"),
        (milliseconds_text(1500), "1.5 s"),
        (clock_text(-1), "0:00"),
        (clock_text(123.9), "2:03"),
        (clock_text(3723), "1:02:03"),
    ],
)
def test_texts(text: str, expected: str) -> None:
    assert text == expected
