"""The picture of a campaign, on a terminal and in a file."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from lockstep.errors import UsageError
from lockstep.ui.campaign import show_campaign
from lockstep.ui.campaign_plot import check_plot, write_plot

OUTCOMES = {"no effect": 3, "wrong output": 1, "hang": 0}
ROW = {"trials": 4, "masked": 1, "detected": 3, "undetected": 0, "located": 3, "outcomes": OUTCOMES}
TABLE: dict[str, Any] = {
    "seed": 1,
    "count": 4,
    "guest_icount": 864_324,
    "check_every": 10_000,
    "ram_check_every": 80_000,
    "rows": [
        {"kind": "integer", **ROW, "latency_median": 4883, "latency_p99": 18455},
        {"kind": "all", **ROW, "latency_median": 4883, "latency_p99": None},
    ],
    "trials": [{"kind": "integer", "fate": "detected", "latency": 10 * number} for number in range(3)],
}

PICTURE = """\
4 soft errors, seed 1, in a guest of 864,324 instructions;
checked every 10,000 instructions, RAM every 80,000

Found by checks (latency in instructions)
target             errors  masked  detected  undetected  located  latency median     p99
integer registers       4       1         3           0        3           4,883  18,455
all                     4       1         3           0        3           4,883       -

What one machine alone would have come to
target             no effect  wrong output  hang
integer registers          3             1     0
all                        3             1     0
"""


def test_the_picture() -> None:
    stream = io.StringIO()
    show_campaign(TABLE, stream)
    assert "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines()) == PICTURE


def test_a_plot_is_drawn_and_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    for path in (first, second):
        check_plot(path)
        write_plot(TABLE, path)
    assert first.read_bytes() == second.read_bytes()
    assert b"<svg" in first.read_bytes()


def test_a_plot_that_cannot_be_drawn_is_known_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="ends in one of"):
        check_plot(tmp_path / "a.txt")
    with pytest.raises(UsageError, match="there is no directory"):
        check_plot(tmp_path / "nowhere" / "a.svg")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r"pip install 'lockstep-vm\[plots\]'"):
        check_plot(tmp_path / "a.svg")
