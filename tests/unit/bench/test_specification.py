"""SPECIFICATION.md says what follows from promises, tests and results, and nothing else."""

from __future__ import annotations

import ast
import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from command import REPOSITORY

from bench.__main__ import CASES
from bench.promises import PROMISES
from bench.specification import SPECIFICATION, latest, read_results, shown, specification
from bench.tested_promises import TESTED

RESULT: dict[str, Any] = {
    "date": "2026-01-02",
    "machine": {"cpu": "a cpu", "load": "0.1"},
    "cases": [
        {
            "name": "clone",
            "is_smoke": False,
            "targets": [
                {"promise": "clone.pause", "of": "1 MiB", "value": 2.0, "verdict": "pass"},
                {"promise": "clone.pause", "of": "64 MiB", "value": 6.5, "verdict": "FAIL"},
            ],
        }
    ],
}


def test_the_page_is_what_follows() -> None:
    assert SPECIFICATION.read_text() == specification(read_results()), "run python -m bench.specification"


def test_the_worst_of_the_last_run_is_shown() -> None:
    newer = copy.deepcopy(RESULT) | {"date": "2026-01-03"}
    newer["cases"][0]["targets"][1]["value"] = 4.0
    assert latest([RESULT])["clone.pause"].value == 6.5
    page = specification([RESULT, newer])
    assert "| at most 5 ms | 4 ms (64 MiB) | yes | `clone` | 2026-01-03 | A |" in page
    assert "A: cpu a cpu." in page
    assert "6.5 ms (64 MiB) | **no** |" in specification([RESULT])


def test_smoke_runs_measure_nothing(tmp_path: Path) -> None:
    smoke = copy.deepcopy(RESULT)
    smoke["cases"][0]["is_smoke"] = True
    (tmp_path / "smoke.json").write_text(json.dumps(smoke))
    assert latest(read_results(tmp_path)) == {}


def test_a_file_that_holds_no_results_is_named(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"date": "2026-01-02"}')
    with pytest.raises(ValueError, match=r"other\.json holds no results"):
        read_results(tmp_path)


def test_every_promise_is_judged_by_its_benchmark() -> None:
    for key in PROMISES:
        case = key.split(".")[0]
        assert case in CASES
        sources = "".join(path.read_text() for path in (REPOSITORY / "bench").glob(f"{case}*.py"))
        pattern = rf'"{re.escape(key)}"|f"{case}\.{{'
        assert re.search(pattern, sources), f"bench/{case}*.py never judges {key}"


def test_every_test_that_is_named_exists() -> None:
    for test in (test for tests in TESTED.values() for test in tests):
        file, name = test.split("::")
        tree = ast.parse((REPOSITORY / "tests" / file).read_text())
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, test


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.97, "x", "0.97 x"),
        (1500.0, "ms", "1500 ms"),
        (2e7, "1/s", "20 M a second"),
        (4.05e9, "B/s", "4.05 GB/s"),
        (200.0, "1/min", "200 1/min"),
        (0.0461, "s", "0.0461 s"),
    ],
)
def test_numbers_are_short(value: float, unit: str, text: str) -> None:
    assert shown(value, unit) == text
