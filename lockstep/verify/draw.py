"""Random soft errors, a function of the seed."""

from __future__ import annotations

import random
from collections.abc import Sequence

from lockstep.machine.memory_map import RAM_BASE
from lockstep.machine.registers import REGISTERS
from lockstep.machine.riscv.bits import PAGE_BYTES
from lockstep.machine.soft_error import SoftError, TargetKind

SHARES: dict[TargetKind, int] = {"integer": 35, "float": 15, "pc": 10, "csr": 15, "ram": 25}
"""Of a hundred errors, how many hit which kind of target."""
_REGISTERS = {
    kind: [one for one in REGISTERS.values() if one.kind == kind and one.bits]
    for kind in SHARES
    if kind != "ram"
}
_BITS = 64
_WORD_BYTES = 8


def draw_errors(count: int, seed: int, length: int, harts: int, pages: Sequence[int]) -> list[SoftError]:
    """`count` errors within the first `length` instructions; in RAM, within `pages`."""
    draw = random.Random(seed)
    return [_draw_error(draw, length, harts, pages) for _ in range(count)]


def _draw_error(draw: random.Random, length: int, harts: int, pages: Sequence[int]) -> SoftError:
    icount = draw.randrange(1, length)
    (kind,) = draw.choices(list(SHARES), list(SHARES.values()))
    if kind == "ram":
        offset = draw.choice(pages) * PAGE_BYTES + draw.randrange(0, PAGE_BYTES, _WORD_BYTES)
        return SoftError(icount=icount, bit=draw.randrange(_BITS), address=RAM_BASE + offset)
    register = draw.choice(_REGISTERS[kind])
    bit = draw.choice([bit for bit in range(_BITS) if register.bits >> bit & 1])
    return SoftError(icount=icount, bit=bit, register=register.name, hart=draw.randrange(harts))
