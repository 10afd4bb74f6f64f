"""A guest that fills some of its RAM with pseudo-random words (xorshift64), then counts for ever.

A raw image for the start of RAM.
"""

from __future__ import annotations

from bench.instructions import (
    S0,
    T0,
    T1,
    T2,
    T3,
    ZERO,
    add,
    add_immediate,
    add_upper_to_pc,
    assemble,
    branch_if_unequal,
    exclusive_or,
    jump,
    load_upper,
    shift_left,
    shift_right,
    store,
)

INSTRUCTIONS_PER_WORD = 9
BYTES_PER_WORD = 8
FILL_MIB_MAX = 1024


def fill_guest(fill_mib: int) -> bytes:
    """Fills `fill_mib` MiB (at least 1) from 1 MiB into RAM on."""
    if not 1 <= fill_mib <= FILL_MIB_MAX:
        raise ValueError(f"{fill_mib} MiB is out of range")
    return assemble(
        [
            add_upper_to_pc(T0, 0x100),  # 1 MiB on
            load_upper(T1, fill_mib << 8),
            add(T1, T1, T0),  # the end
            add_immediate(T2, ZERO, 1),  # the seed
            shift_left(T3, T2, 13),  # loop
            exclusive_or(T2, T2, T3),
            shift_right(T3, T2, 7),
            exclusive_or(T2, T2, T3),
            shift_left(T3, T2, 17),
            exclusive_or(T2, T2, T3),
            store(BYTES_PER_WORD, T2, T0, 0),
            add_immediate(T0, T0, BYTES_PER_WORD),
            branch_if_unequal(T0, T1, -8 * 4),
            add_immediate(S0, S0, 1),  # count
            jump(-4),
        ]
    )


def fill_instructions(fill_mib: int) -> int:
    """How many instructions the filling takes."""
    return 4 + fill_mib * (1 << 20) // BYTES_PER_WORD * INSTRUCTIONS_PER_WORD
