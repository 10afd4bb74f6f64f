from __future__ import annotations

import json
import struct

import pytest
from trace_entries import some_entries, trace_bytes

from lockstep.log.entry import CHECK, CLOCK, DISK, END, ENTROPY, FRAME, INPUT, Entry
from lockstep.log.trace.reader import TraceReader
from lockstep.log.trace.statistics import statistics_of
from lockstep.machine.virtio import FLUSHED, READ_FAILED, WRITES_FAILED
from lockstep.ui.trace_log import (
    DISK_STATUSES,
    HEADING,
    entry_json,
    entry_row,
    statistics_json,
    statistics_text,
)

TCP = bytes.fromhex(
    "52540012345602aabbccddee08004500003c00004000400600000a00020f0a0002020050c3500000000000000000"
)
ARP = bytes.fromhex("ffffffffffff02aabbccddee0806") + bytes(28)
CHECKED = (7).to_bytes(8, "little") + (3).to_bytes(8, "little") + bytes(160)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (Entry(INPUT, 5, 0, 9, b"ls\n"), r"'ls\n'"),
        (Entry(INPUT, 5, 0, 9, b"\x1b[31m" * 40), r"\x1b[31m"),
        (Entry(CLOCK, 5, 0, 9, (1_500_000).to_bytes(8, "little")), "position + 1.500 ms"),
        (Entry(CHECK, 5, 0, 9, CHECKED), "devices, RAM pages 7 to 9"),
        (Entry(END, 5, 0, 9), " end "),
        (
            Entry(DISK, 5, 0, 9, struct.pack("<3q", 2, FLUSHED, 41)),
            "disk 2: flushed, up to output 41 all",
        ),
        (Entry(DISK, 5, 0, 9, struct.pack("<3q", 0, WRITES_FAILED, 1 << 60)), "disk 0: failed"),
        (Entry(DISK, 5, 0, 9, struct.pack("<3q", 1, READ_FAILED, 7)), "disk 1: unreadable, request 7"),
        (Entry(DISK, 5, 0, 9, struct.pack("<3q", 1, 99, 7)), "status 99"),
        (Entry(DISK, 5, 0, 9, b"odd"), " disk "),
        (Entry(FRAME, 5, 0, 9, TCP), "TCP 10.0.2.15:80 > 10.0.2.2:50000"),
        (Entry(FRAME, 5, 0, 9, TCP[:30]), "IPv4 02:aa:bb:cc:dd:ee > 52:54:00:12:34:56"),
        (Entry(FRAME, 5, 0, 9, ARP), "ARP 02:aa:bb:cc:dd:ee > ff:ff:ff:ff:ff:ff"),
        (Entry(FRAME, 5, 0, 9, b"?"), "less than an Ethernet header"),
        (Entry(ENTROPY, 5, 0, 9, bytes(32)), "32 random bytes"),
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


def test_json_says_what_is_in_an_entry_of_devices():
    disk = json.loads(entry_json(Entry(DISK, 5, 3, 0, struct.pack("<3q", 2, FLUSHED, 41))))
    assert (disk["kind"], disk["disk"], disk["status"], disk["number"]) == ("disk", 2, "flushed", 41)
    frame = json.loads(entry_json(Entry(FRAME, 5, 3, 0, TCP)))
    assert (frame["kind"], frame["frame"]) == ("frame", "TCP 10.0.2.15:80 > 10.0.2.2:50000")
    assert DISK_STATUSES[FLUSHED] == "flushed"
    assert DISK_STATUSES[WRITES_FAILED] == "failed"
    assert DISK_STATUSES[READ_FAILED] == "unreadable"


def test_statistics_for_people_and_for_programs(tmp_path):
    path = tmp_path / "t.lst"
    path.write_bytes(trace_bytes(some_entries(40)))
    with TraceReader(path) as trace:
        statistics = statistics_of(trace)
    text = "\n".join(statistics_text(statistics))
    for part in ("clock", "26", "entries/s", "bytes per million instructions", "checkpoints   2", "█"):
        assert part in text
    assert json.loads(statistics_json(statistics))["entries"] == 40
