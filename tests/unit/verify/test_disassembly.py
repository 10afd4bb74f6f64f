"""Code as text: the instruction, marked, and what stands around it."""

from __future__ import annotations

import pytest
from programs import addi, i_type

from lockstep.verify.disassembly import disassemble

FIRST = 0x8000_0000
NOP2 = (0x0001).to_bytes(2, "little")


def word(value: int) -> bytes:
    return value.to_bytes(4, "little")


def test_the_instruction_is_marked_among_its_neighbours() -> None:
    code = b"".join(word(addi(10, 10, number)) for number in range(20))
    lines = disassemble(FIRST, code, FIRST + 40)
    assert [line[0] for line in lines].count(">") == 1
    (here,) = (line for line in lines if line[0] == ">")
    assert here.split() == [">", "0x80000028", "00a50513", "addi", "a0,", "a0,", "0xa"]
    assert lines.index(here) == 4
    assert len(lines) == 10


@pytest.mark.parametrize("shift", [0, 2, 4, 6])
def test_what_is_before_it_is_cut_so_that_it_leads_there(shift: int) -> None:
    """Compressed and full instructions mixed, and the code starts in the middle of one."""
    code = word(addi(5, 5, 1)) + NOP2 + word(addi(6, 6, 2)) + NOP2 + word(addi(7, 7, 3))
    lines = disassemble(FIRST + shift, code[shift:], FIRST + 12)
    assert lines[-1].startswith("> 0x8000000c")
    assert lines[-2].startswith("  0x8000000a")


def test_what_is_no_instruction_is_shown_as_it_is() -> None:
    (line,) = disassemble(FIRST, word(0xFFFF_FFFF), FIRST)
    assert line.split(None, 3)[1:] == ["0x80000000", "ffffffff", "(not decoded)"]


def test_where_nothing_can_be_fetched_there_is_nothing() -> None:
    assert disassemble(FIRST, b"", FIRST) == []


def test_privileged_instructions_are_known() -> None:
    text = "\n".join(disassemble(FIRST, word(0x30200073) + word(i_type(0x73, 2, 10, 0, 0x341)), FIRST))
    assert "mret" in text
    assert "mepc" in text
