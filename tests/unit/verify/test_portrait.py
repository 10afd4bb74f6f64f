"""Where two machines differ, by name."""

from __future__ import annotations

import dataclasses
from typing import Any

from random_programs import DATA

from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine
from lockstep.verify.portrait import (
    PAGES_SHOWN_MAX,
    WORDS_SHOWN_MAX,
    devices_of,
    memory_of,
    pages_that_differ,
    registers_of,
    take_portrait,
)
from lockstep.verify.subject import Subject

CONFIG = MachineConfig(guest=b"\x6f\x00\x00\x00", memory_bytes=1 << 20, harts=2, clock="virtual")
PAGE = 4096


def both() -> tuple[Machine, Machine]:
    return Machine(CONFIG), Machine(CONFIG)


def test_machines_that_are_equal_differ_in_nothing() -> None:
    left, right = (take_portrait(machine) for machine in both())
    assert left == right
    assert not devices_of(left, right)
    assert not pages_that_differ(left, right)
    assert not any(row["differs"] for row in registers_of(left, right))


def test_fields_of_devices_have_their_names_inner_ones_and_arrays_too() -> None:
    expected, tested = both()
    board: Any = tested.board
    board["clint"]["mtimecmp"][1] = 77
    board["traps"] = 5
    rows = devices_of(take_portrait(expected), take_portrait(tested))
    names = {row["name"]: row["actual"] for row in rows}
    assert names["clint.mtimecmp[1]"] == "0x4d"
    assert names["traps"] == "0x5"


def test_what_has_no_name_of_its_own_is_shown_where_it_differs() -> None:
    expected, tested = both()
    registers: Any = tested.wires.engines[1].registers
    registers["priv"] = 0
    rows = [row for row in registers_of(take_portrait(expected), take_portrait(tested)) if row["differs"]]
    (row,) = rows
    assert (row["hart"], row["name"], row["expected"], row["actual"]) == (1, "priv", "0x3", "0x0")


def test_words_that_differ_are_shown_by_page_up_to_a_limit() -> None:
    expected, tested = both()
    first = (DATA - 0x8000_0000) // PAGE
    ram = tested.wires.ram
    ram[first * PAGE + 16] = 9
    ram[(first + 3) * PAGE : (first + 4) * PAGE] = 1
    pages = pages_that_differ(take_portrait(expected), take_portrait(tested))
    assert pages == [first, first + 3]
    contents = [Subject(machine).pages(pages) for machine in (expected, tested)]
    one, many = memory_of(pages, *contents)
    assert one["words"] == [{"address": hex(DATA + 16), "expected": "0x0", "actual": "0x9"}]
    assert (many["words_count"], len(many["words"])) == (PAGE // 8, WORDS_SHOWN_MAX)
    assert PAGES_SHOWN_MAX >= 2


def test_a_portrait_is_of_the_moment() -> None:
    machine = Machine(CONFIG)
    before = take_portrait(machine)
    machine.run(exact_icount=10)
    after = take_portrait(machine)
    assert (before.icount, after.icount) == (0, 10)
    assert dataclasses.asdict(before) != dataclasses.asdict(after)
