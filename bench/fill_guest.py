"""A guest that fills some of its RAM with pseudo-random words (xorshift64), then counts for ever.

A raw image for the start of RAM, encoded here. Source: RISC-V unprivileged specification, "RV32/64G Instruction
Set Listings".
"""

from __future__ import annotations

INSTRUCTIONS_PER_WORD = 9
BYTES_PER_WORD = 8
FILL_MIB_MAX = 1024
X0, T0, T1, T2, S0, T3 = 0, 5, 6, 7, 8, 28


def fill_guest(fill_mib: int) -> bytes:
    """Fills `fill_mib` MiB (at least 1) from 1 MiB into RAM on."""
    if not 1 <= fill_mib <= FILL_MIB_MAX:
        raise ValueError(f"{fill_mib} MiB is out of range")
    code = [
        _upper(0b0010111, T0, 0x100),  # auipc t0, 1 MiB
        _upper(0b0110111, T1, fill_mib << 8),  # lui t1, size
        _register(0, T0, T1, 0, T1),  # add t1, t1, t0: the end
        _immediate(0b0010011, 1, X0, 0, T2),  # li t2, 1: the seed
        _immediate(0b0010011, 13, T2, 1, T3),  # loop: slli t3, t2, 13
        _register(0, T3, T2, 4, T2),  # xor t2, t2, t3
        _immediate(0b0010011, 7, T2, 5, T3),  # srli t3, t2, 7
        _register(0, T3, T2, 4, T2),
        _immediate(0b0010011, 17, T2, 1, T3),  # slli t3, t2, 17
        _register(0, T3, T2, 4, T2),
        _store_word(T2, T0),  # sd t2, 0(t0)
        _immediate(0b0010011, 8, T0, 0, T0),  # addi t0, t0, 8
        _branch_back(T0, T1, 32),  # bne t0, t1, loop
        _immediate(0b0010011, 1, S0, 0, S0),  # count: addi s0, s0, 1
        0xFFDF_F06F,  # j count
    ]
    return b"".join(word.to_bytes(4, "little") for word in code)


def fill_instructions(fill_mib: int) -> int:
    """How many instructions the filling takes."""
    return 4 + fill_mib * (1 << 20) // BYTES_PER_WORD * INSTRUCTIONS_PER_WORD


def _upper(opcode: int, destination: int, immediate: int) -> int:
    return immediate << 12 | destination << 7 | opcode


def _register(function7: int, source2: int, source1: int, function3: int, destination: int) -> int:
    return function7 << 25 | source2 << 20 | source1 << 15 | function3 << 12 | destination << 7 | 0b0110011


def _immediate(opcode: int, immediate: int, source: int, function3: int, destination: int) -> int:
    return immediate << 20 | source << 15 | function3 << 12 | destination << 7 | opcode


def _store_word(source: int, base: int) -> int:
    return source << 20 | base << 15 | 3 << 12 | 0b0100011


def _branch_back(left: int, right: int, distance_bytes: int) -> int:
    """bne left, right, -distance_bytes; fields 12 | 10:5 and 4:1 | 11 of the offset."""
    offset = -distance_bytes & 0x1FFF
    high = (offset >> 12) << 6 | (offset >> 5 & 0x3F)
    low = (offset >> 1 & 0xF) << 1 | (offset >> 11 & 1)
    return high << 25 | right << 20 | left << 15 | 1 << 12 | low << 7 | 0b1100011
