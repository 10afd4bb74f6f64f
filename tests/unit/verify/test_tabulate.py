"""The table, and what it complains about."""

from __future__ import annotations

import dataclasses

import pytest

from lockstep.verify.campaign import Campaign
from lockstep.verify.reference import Check, Ending, Reference, check_interval
from lockstep.verify.subject import Arrival
from lockstep.verify.tabulate import complaint, percentile, tabulate
from lockstep.verify.trial import Trial

END = Check(9001, Arrival("finished", 9000, 9010, 0x8000_0000, b""), b"", compares_ram=True)
REFERENCE = Reference(100, (END,), Ending("finished", False, 0, b""), "d", (0,))
DETECTED = Trial("x7@1:1", "integer", "detected", 50, 1, True, "wrong output")
MASKED = Trial("x8@1:1", "integer", "masked", 9, None, False, "no effect")
IN_RAM = Trial("0x80000000@2:1", "ram", "detected", 700, 2, True, "hang")


def tabulated(*trials: Trial) -> dict[str, object]:
    return tabulate(Campaign(3, REFERENCE, trials, 1.5))


def test_a_row_for_each_kind_and_one_for_all() -> None:
    table = tabulated(DETECTED, MASKED, IN_RAM)
    rows = {row["kind"]: row for row in table["rows"]}  # type: ignore[attr-defined]
    assert list(rows) == ["integer", "ram", "all"]
    assert (rows["integer"]["masked"], rows["integer"]["detected"], rows["integer"]["located"]) == (1, 1, 1)
    assert (rows["all"]["trials"], rows["all"]["latency_median"], rows["all"]["latency_p99"]) == (3, 50, 700)
    assert rows["all"]["outcomes"]["hang"] == rows["all"]["outcomes"]["wrong output"] == 1
    assert complaint(table) == ""


def test_errors_that_escape_are_complained_about() -> None:
    escaped = dataclasses.replace(DETECTED, fate="undetected", is_located=False)
    astray = dataclasses.replace(DETECTED, located=5, is_located=False)
    assert complaint(tabulated(escaped)) == "of 1 errors, 1 were neither masked nor detected"
    assert complaint(tabulated(astray, DETECTED)) == "of 2 errors, 1 were not located where they struck"


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 50, None),
        ([4], 50, 4),
        ([4], 99, 4),
        ([1, 2, 3], 50, 2),
        ([1, 2, 3, 4], 50, 2),
        (list(range(1, 101)), 99, 99),
        (list(range(1, 102)), 99, 100),
    ],
)
def test_percentiles_are_values_that_were_measured(
    values: list[int], percent: int, expected: int | None
) -> None:
    assert percentile(values, percent) == expected


@pytest.mark.parametrize(
    ("length", "every"), [(2000, 1000), (864_324, 10_000), (1_991_248_397, 20_000_000), (120_000, 2000)]
)
def test_checks_come_at_round_intervals(length: int, every: int) -> None:
    assert check_interval(length) == every
