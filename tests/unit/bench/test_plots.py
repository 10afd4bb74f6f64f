"""A picture of a case: every value and curve that it has is named in it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.plots import draw_case, require_matplotlib
from bench.results import CaseResult, Point, ToolMissingError

MACHINE = {"cpu": "a cpu", "cores": "2"}


def case() -> CaseResult:
    result = CaseResult("example", is_smoke=True)
    result.value("first bar", "s", [1.0, 2.0])
    result.value("second bar", "s", [0.0])
    for x in (0, 16, 4096):
        result.value(f"point {x}", "1/s", [1e6 * (x + 1)], Point("a curve", "an axis", x))
    return result


def test_everything_is_in_the_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = draw_case(case().as_dict(), MACHINE, tmp_path).read_text()
    for text in ("first bar", "second bar", "a curve", "an axis", "4096", "example: a cpu, 2"):
        assert text in picture
    assert draw_case(case().as_dict(), MACHINE, tmp_path).read_text() == picture


def test_a_case_without_values_is_a_picture_as_well(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert draw_case(CaseResult("empty", is_smoke=True).as_dict(), MACHINE, tmp_path).is_file()


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ToolMissingError, match=r"install lockstep-vm\[plots\]"):
        require_matplotlib()
