"""The guest that fills memory: what it says of itself is what the machine counts and what is in RAM."""

from __future__ import annotations

import pytest

from bench.fill_guest import BYTES_PER_WORD, fill_guest, fill_instructions
from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine

RAM_OFFSET = 1 << 20


def xorshift(seed: int) -> int:
    seed ^= seed << 13 & (1 << 64) - 1
    seed ^= seed >> 7
    return seed ^ seed << 17 & (1 << 64) - 1


def test_it_fills_what_it_says() -> None:
    machine = Machine(MachineConfig(memory_bytes=16 << 20, clock="virtual", guest=fill_guest(2)))
    machine.run(exact_icount=fill_instructions(2))
    words = machine.wires.ram[RAM_OFFSET : RAM_OFFSET + (3 << 20)].view("<u8")
    first = xorshift(1)
    assert [int(word) for word in words[:2]] == [first, xorshift(first)]
    filled = (2 << 20) // BYTES_PER_WORD
    assert words[filled - 1] != 0
    assert not words[filled:].any()


@pytest.mark.parametrize("size_mib", [0, -1, 1025])
def test_sizes_that_make_no_sense(size_mib: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        fill_guest(size_mib)
