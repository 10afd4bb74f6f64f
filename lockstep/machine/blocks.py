"""Translation blocks: how many instructions each holds, and which of them retired when a block is left early.

The block hook gets, as its `user_data`, a constant that libunicorn bakes into each block when it translates it. We
point it at a fresh BLOCK record before every translation, so that each block owns a record, found without a
look-up. The record is filled in when its block first runs, which is right after its translation: nothing of the
guest has run in between, so memory still holds the bytes that were translated.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lockstep.machine.access import (
    Control,
    Wiring,
    board_of,
    control_of,
    env_of,
    load_half,
    load_word,
    store_word,
    translation_at,
)
from lockstep.machine.engine.layout import HOOK_USER_DATA
from lockstep.machine.memory_map import RAM_BASE
from lockstep.machine.mmu import CHECKED, _slot_of, use_for_code
from lockstep.machine.riscv.decode import AFTER_LOOKUP, after_effects, ends_block, instruction_bytes
from lockstep.machine.riscv.translate import FETCH, walk
from lockstep.native import as_pointer, carray, inline, nopython

UNKNOWN = 1 << 62
"""A `length` that sends the block hook down its slow path every time."""

# libunicorn halves a block whose machine code exceeds 64 KiB. How long that code is depends on where this process has
# its memory (near and far calls), so where the block ends would, too. By measurement it takes 480 instructions or more;
# these, and what halves of them look like, are split here, at the same place in every process.
_OVERFLOW_MIN, _HALVED_MAX, _HALVED_MIN = 480, 256, 240
_SUM_FACTOR = 0x1E37_79B9_7F4A_7C15

BLOCK = np.dtype(
    [
        ("length", np.int64),  # instructions, or UNKNOWN: not filled in yet, or the slow path wants to see it
        ("instructions", np.int64),
        ("pc", np.int64),
        ("split", np.int64),  # instructions after which it has to end, or 0: where it ends by itself
        ("after", np.int64),  # what its last instruction may have changed: AFTER_* of riscv.decode
        ("halfwords", np.int64),
        ("unkept_code", np.int64),  # a sum of its code, where no store drops it; else 0
    ],
    align=True,
)
"""Followed by a bit map, one bit per halfword: set where an instruction starts."""

BLOCK_BYTES = BLOCK.itemsize
BLOCK_BYTES_MAX = BLOCK_BYTES + 8 * 64


@inline
def block_at(address: int) -> Any:
    """The BLOCK record at `address`."""
    return carray(as_pointer(address), 1, BLOCK)[0]


@nopython
def prepare_next(wiring: Wiring, address: int) -> None:
    """Make `address` the record of whatever is translated next."""
    wiring.blocks_next = address
    block_at(address).length = UNKNOWN
    block_at(address).halfwords = -1
    store_word(wiring.hook + HOOK_USER_DATA, address)


@nopython
def code_address(wiring: Wiring, control: Control, address: int) -> int:
    """Host address of the code at virtual `address` as the hart fetches it (stale translations too), or 0."""
    env = env_of(wiring)
    tag = (address & -4096) | env.priv << 1 | 1
    entry = translation_at(wiring, _slot_of(wiring, tag))
    if entry.generation == wiring.translations_generation and entry.allowed:
        physical = entry.page | (address & 4095)
    else:
        physical, _ = walk(control, env, address, env.priv, FETCH, False)
    offset = physical - RAM_BASE
    if offset < 0 or offset >= control.ram_bytes - 1:
        return 0
    return control.ram_address + offset


@nopython
def code_at(wiring: Wiring, control: Control, address: int) -> int:
    """The instruction's bits at virtual `address`: 16 or 32 of them, 0 if they can't be read."""
    host = code_address(wiring, control, address)
    if host == 0:
        return 0
    bits = load_half(host)
    if bits & 3 == 3:
        upper = code_address(wiring, control, address + 2) if address & 4095 == 4094 else host + 2
        if upper:
            bits |= load_half(upper) << 16
    return bits


@nopython
def fill_block(wiring: Wiring, pc: int, size: int, address: int) -> bool:
    """Fill in the record at `address` for the block of `size` bytes at `pc`; False if the arena is full."""
    control = control_of(wiring)
    if address + 2 * BLOCK_BYTES_MAX > wiring.blocks_end:
        return False
    block = block_at(address)
    halfwords = size >> 1
    bitmap = address + BLOCK_BYTES
    words = (halfwords + 63) >> 6
    for word in range(words):
        store_word(bitmap + 8 * word, 0)
    offset, instructions, after, split, bits = 0, 0, 0, 0, 0
    while offset < size:
        bits = code_at(wiring, control, pc + offset)
        half = offset >> 1
        place = bitmap + 8 * (half >> 6)
        store_word(place, load_word(place) | 1 << (half & 63))
        instructions += 1
        effects = after_effects(bits)
        after |= effects
        offset += instruction_bytes(bits)
        if effects & AFTER_LOOKUP and offset < size and split == 0:
            split = instructions
    if split == 0 and (instructions >= _OVERFLOW_MIN or _HALVED_MIN < instructions <= _HALVED_MAX):
        split = _HALVED_MIN
    # It may go on to an illegal compressed instruction, which libunicorn doesn't count as part of it: a store there
    # wouldn't drop the block. A block of its own for that instruction, which is never kept.
    crosses = (pc ^ (pc + size)) & -4096 != 0
    if split == 0 and not crosses and not ends_block(bits) and control.requested != instructions:
        split = instructions if code_at(wiring, control, pc + size) & 3 != 3 else 0
    block.unkept_code = _sum_code(wiring, control, pc, size) if _is_unkept(wiring, pc) else 0
    block.pc = pc
    block.split = split
    block.instructions = instructions
    block.halfwords = halfwords
    block.after = after
    block.length = instructions if after == 0 and split == 0 and block.unkept_code == 0 else UNKNOWN
    _mark_code(wiring, control, pc)
    if size > 0:
        _mark_code(wiring, control, pc + size - 1)
    prepare_next(wiring, address + BLOCK_BYTES + 8 * words)
    return True


@nopython
def _is_unkept(wiring: Wiring, pc: int) -> bool:
    """Whether libunicorn takes the code at `pc` for no part of a page, as PMP covers that in part (CHECKED).

    No store drops the blocks that it makes of such code.
    """
    entry = translation_at(wiring, _slot_of(wiring, (pc & -4096) | env_of(wiring).priv << 1 | 1))
    return entry.generation == wiring.translations_generation and entry.allowed & CHECKED != 0


@nopython
def is_stale(wiring: Wiring, control: Control, block: Any) -> bool:
    """Whether something else than was translated stands at `block` now."""
    kept = block.unkept_code
    return kept != 0 and _sum_code(wiring, control, block.pc, 2 * block.halfwords) != kept


@nopython
def _sum_code(wiring: Wiring, control: Control, pc: int, size: int) -> int:
    """A number other than 0 that tells the `size` bytes of code at `pc` from others."""
    total, offset = 0, 0
    while offset < size:
        bits = code_at(wiring, control, pc + offset)
        total = (total + bits) * _SUM_FACTOR
        total ^= (total >> 29) & 0x7_FFFF_FFFF
        offset += instruction_bytes(bits)
    return total | 1


@nopython
def _mark_code(wiring: Wiring, control: Control, pc: int) -> None:
    host = code_address(wiring, control, pc & -2)
    if host:
        use_for_code(wiring, control, (host - control.ram_address) >> 12)


@nopython
def starts_instruction(block_address: int, pc: int) -> bool:
    """Whether an instruction of the block starts at `pc`, or the block itself does."""
    block = block_at(block_address)
    half = (pc - block.pc) >> 1
    if half <= 0 or half >= block.halfwords or pc & 1:
        return pc == block.pc
    return (load_word(block_address + BLOCK_BYTES + 8 * (half >> 6)) >> (half & 63)) & 1 != 0


@nopython
def retired_before(block_address: int, pc: int) -> int:
    """How many instructions of the block start before `pc`."""
    block = block_at(block_address)
    halfwords = (pc - block.pc) >> 1
    if halfwords < 0 or halfwords > block.halfwords:
        return block.instructions
    count = 0
    for half in range(halfwords):
        count += (load_word(block_address + BLOCK_BYTES + 8 * (half >> 6)) >> (half & 63)) & 1
    return count


@nopython
def start_position(wiring: Wiring) -> int:
    """Position at which the block in flight started."""
    control = control_of(wiring)
    return board_of(wiring).position - block_at(control.block).instructions


@nopython
def natural_start_position(wiring: Wiring) -> int:
    """Position at which the natural block in flight started, though an exact stop may have cut it since."""
    cut_at = board_of(wiring).cut_at
    return cut_at if cut_at >= 0 else start_position(wiring)


@nopython
def leave_block_at(wiring: Wiring, pc: int) -> None:
    """Count of the block in flight only the instructions before `pc`: the others don't retire."""
    control = control_of(wiring)
    board_of(wiring).position = start_position(wiring) + retired_before(control.block, pc)
