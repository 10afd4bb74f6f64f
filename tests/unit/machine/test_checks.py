from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from lockstep.machine import checks
from lockstep.machine.checks import compare_check, make_check, sum_pages, touched_pages
from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine
from lockstep.machine.memory_map import RAM_BASE

MEMORY_BYTES = 16 << 20
PAGES = MEMORY_BYTES // checks.PAGE_BYTES
COUNT_UP = b"".join(word.to_bytes(4, "little") for word in (0x00150513, 0xFFDFF06F))
"""addi a0, a0, 1; j -4"""


def make_machine(harts: int = 1) -> Machine:
    config = MachineConfig(
        guest=COUNT_UP, guest_name="count", memory_bytes=MEMORY_BYTES, harts=harts, clock="virtual"
    )
    machine = Machine(config)
    machine.run(limit=1000)
    return machine


@pytest.fixture(scope="module")
def pair() -> tuple[Machine, Machine]:
    return make_machine(2), make_machine(2)


def test_machines_that_are_one_and_the_same(pair: tuple[Machine, Machine]) -> None:
    ours, theirs = pair
    assert compare_check(ours.wires, make_check(theirs.wires, 0, PAGES)) is None


@pytest.mark.parametrize(
    ("what", "field"),
    [
        ("device uart", "uart.scratch"),
        ("device plic", "plic.priority"),
        ("device clint", "clint.mtimecmp"),
        ("device rtc", "rtc.alarm"),
        ("device finisher", "finisher.exit_code"),
        ("input", "wire"),
        ("schedule", "time_offset_ns"),
        ("schedule", "harts.retired"),
    ],
)
def test_says_which_device_differs(pair: tuple[Machine, Machine], what: str, field: str) -> None:
    ours, theirs = pair
    payload = make_check(theirs.wires, 0, PAGES)
    toggle(ours, field)
    difference = compare_check(ours.wires, payload)
    toggle(ours, field)
    assert difference is not None
    assert difference.what == what
    assert difference.expected != difference.actual
    assert compare_check(ours.wires, payload) is None


def toggle(machine: Machine, field: str) -> None:
    """Flip the lowest bit of a field of the board, of its last element if it has several."""
    *records, name = field.split(".")
    holder: Any = machine.board
    for record in records:
        holder = holder[record]
    if np.ndim(holder[name]):
        holder[name][-1] ^= 1
    else:
        holder[name] ^= 1


@pytest.mark.parametrize("hart", [0, 1])
@pytest.mark.parametrize("field", ["gpr", "fpr", "mscratch", "float_exception_flags"])
def test_says_whose_registers_differ(pair: tuple[Machine, Machine], hart: int, field: str) -> None:
    ours, theirs = pair
    payload = make_check(theirs.wires, 0, PAGES)
    registers = ours.wires.engines[hart].registers
    before = registers[field].copy()
    registers[field] ^= 1
    try:
        difference = compare_check(ours.wires, payload)
    finally:
        registers[field] = before
    assert difference is not None
    assert difference.what == f"registers of hart {hart}"


def test_any_bit_of_ram_is_found_and_its_page_named(pair: tuple[Machine, Machine]) -> None:
    ours, theirs = pair
    random_source = random.Random(7)
    payload = make_check(theirs.wires, 0, PAGES)
    for _ in range(200):
        offset, bit = random_source.randrange(MEMORY_BYTES), random_source.randrange(8)
        ours.wires.ram[offset] ^= 1 << bit
        difference = compare_check(ours.wires, payload)
        ours.wires.ram[offset] ^= 1 << bit
        assert difference is not None, (offset, bit)
        assert difference.what == f"RAM page {RAM_BASE + (offset & -4096):#x}", (offset, bit)
    assert compare_check(ours.wires, payload) is None


def test_pages_that_change_places_are_found(pair: tuple[Machine, Machine]) -> None:
    ours, theirs = pair
    for machine, first, second in ((ours, 5, 6), (theirs, 6, 5)):
        machine.wires.ram[first * 4096] = 1
        machine.wires.ram[second * 4096] = 2
    difference = compare_check(ours.wires, make_check(theirs.wires, 0, PAGES))
    for machine in pair:
        machine.wires.ram[5 * 4096 : 7 * 4096] = 0
    assert difference is not None
    assert difference.what == "RAM pages between 0x80000000 and 0x81000000"


def test_only_the_pages_asked_for_are_looked_at(pair: tuple[Machine, Machine]) -> None:
    ours, theirs = pair
    ours.wires.ram[100 * 4096 + 9] ^= 1
    try:
        assert compare_check(ours.wires, make_check(theirs.wires, 0, 100)) is None
        assert compare_check(ours.wires, make_check(theirs.wires, 101, 50)) is None
        assert compare_check(ours.wires, make_check(theirs.wires, 100, 1)) is not None
    finally:
        ours.wires.ram[100 * 4096 + 9] ^= 1


def test_slices_add_up_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = make_machine()
    machine.wires.ram[:] = np.random.default_rng(3).integers(0, 256, MEMORY_BYTES, np.uint8)
    monkeypatch.setattr(checks, "_PAGES_AT_ONCE", 1000)
    parts = [sum_pages(machine.wires, first, 1024) for first in range(0, PAGES, 1024)]
    assert np.array_equal(np.sum(parts, axis=0), sum_pages(machine.wires, 0, PAGES))


def test_a_page_of_zeros_counts_as_one_that_nobody_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = make_machine()
    untouched = sum_pages(machine.wires, 0, PAGES)
    assert len(touched_pages(machine.wires, 0, PAGES)) < PAGES
    machine.wires.ram[4096:] |= 0
    assert len(touched_pages(machine.wires, 0, PAGES)) == PAGES
    assert np.array_equal(sum_pages(machine.wires, 0, PAGES), untouched)
    assert untouched.any()
    monkeypatch.setattr(checks, "_PAGEMAP", "/nonexistent")
    assert np.array_equal(sum_pages(machine.wires, 0, PAGES), untouched)


def test_a_check_costs_the_guest_nothing() -> None:
    """Not an instruction, not a byte: what it brings up to date, the next run would have."""
    checked, plain = make_machine(2), make_machine(2)
    for limit in range(2000, 300_000, 7_001):
        checked.run(limit=limit)
        make_check(checked.wires, 0, PAGES)
    for machine in (checked, plain):
        machine.run(limit=400_000)
    assert (checked.position, checked.digest()) == (plain.position, plain.digest())
