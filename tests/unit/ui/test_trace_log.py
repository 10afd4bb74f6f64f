from __future__ import annotations

import json

import pytest
from trace_entries import some_entries, trace_bytes

from lockstep.log.entry import CHECK, CLOCK, END, INPUT, Entry
from lockstep.log.trace.reader import TraceReader
from lockstep.log.trace.statistics import statistics_of
from lockstep.ui.trace_log import (
    HEADING,
    entry_json,
    entry_row,
    statistics_json,
    statistics_text,
)

CHECKED = (7).to_bytes(8, "little") + (3).to_bytes(8, "little") + bytes(160)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (Entry(INPUT, 5, 0, 9, b"ls\n"), r"'ls\n'"),
        (Entry(INPUT, 5, 0, 9, b"\x1b[31m" * 40), r"\x1b[31m"),
        (Entry(CLOCK, 5, 0, 9, (1_500_000).to_bytes(8, "little")), "position + 1.500 ms"),
        (Entry(CHECK, 5, 0, 9, CHECKED), "devices, RAM pages 7 to 9"),
        (Entry(END, 5, 0, 9), " end "),
        (Entry(700, 5, 0, -9, b"?"), "0xfffffffffffffff7"),
        (Entry(CLOCK, 5, 0, 9, b"odd"), " clock "),
    ],
)
def test_a_row_says_what_the_entry_is(entry, said):
    row = entry_row(entry, colours=False)
    assert said in row
    assert row.isprintable()
    assert len(row) < 140


def test_columns_stand_under_their_heading():
    row = entry_row(Entry(CLOCK, 1234567, 42, 0x8000_0000, bytes(8)), colours=False)
    for name, value in (
        ("entry", "42"),
        ("position", "1,234,567"),
        ("pc", "0x80000000"),
        ("bytes", "     8"),
    ):
        assert HEADING.index(name) + len(name) == row.index(value) + len(value)


def test_colours_change_nothing_else():
    entry = Entry(INPUT, 5, 0, 9, b"x")
    plain, coloured = entry_row(entry, colours=False), entry_row(entry, colours=True)
    assert coloured != plain
    assert coloured.replace("\x1b[36m", "").replace("\x1b[0m", "") == plain


def test_json_has_everything():
    entry = Entry(CLOCK, 5, 3, -1, (77).to_bytes(8, "little"))
    assert json.loads(entry_json(entry)) == {
        "ordinal": 3,
        "position": 5,
        "kind": "clock",
        "pc": "0xffffffffffffffff",
        "payload_base64": "TQAAAAAAAAA=",
        "time_offset_ns": 77,
    }


def test_statistics_for_people_and_for_programs(tmp_path):
    path = tmp_path / "t.lst"
    path.write_bytes(trace_bytes(some_entries(40)))
    with TraceReader(path) as trace:
        statistics = statistics_of(trace)
    text = "\n".join(statistics_text(statistics))
    for part in ("clock", "26", "entries/s", "bytes per million instructions", "checkpoints   2", "█"):
        assert part in text
    assert json.loads(statistics_json(statistics))["entries"] == 40
