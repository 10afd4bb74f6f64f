"""RISC-V instructions, encoded: what the benchmarks' own guests are made of.

Source: RISC-V unprivileged specification, "RV32/64G Instruction Set Listings"; privileged specification 1.10, 2.2.
"""

from __future__ import annotations

from collections.abc import Sequence

ZERO, T0, T1, T2, S0, S1, S2, S3, T3, T4, T5 = 0, 5, 6, 7, 8, 9, 18, 19, 28, 29, 30
MRET = 0x3020_0073
MSTATUS, MIE, MTVEC = 0x300, 0x304, 0x305


def assemble(words: Sequence[int]) -> bytes:
    """Instructions of four bytes as they lie in memory."""
    return b"".join(word.to_bytes(4, "little") for word in words)


def load_upper(destination: int, page: int) -> int:
    """`lui`: bits 12 to 31 of `destination`, sign-extended."""
    return (page & 0xF_FFFF) << 12 | destination << 7 | 0b0110111


def add_upper_to_pc(destination: int, page: int) -> int:
    """`auipc`."""
    return (page & 0xF_FFFF) << 12 | destination << 7 | 0b0010111


def load_constant(destination: int, value: int) -> list[int]:
    """`lui` and `addiw`; `value` has 31 bits."""
    if not 0 <= value < 0x7FFF_F800:
        raise ValueError(f"{value} is out of range")
    return [
        load_upper(destination, (value + 0x800) >> 12),
        _immediate_type(0b0011011, 0, value, destination, destination),
    ]


def add(destination: int, source1: int, source2: int) -> int:
    """`add`."""
    return _register_type(0, source2, source1, 0, destination)


def exclusive_or(destination: int, source1: int, source2: int) -> int:
    """`xor`."""
    return _register_type(0, source2, source1, 4, destination)


def add_immediate(destination: int, source: int, immediate: int) -> int:
    """`addi`."""
    return _immediate_type(0b0010011, 0, immediate, source, destination)


def shift_left(destination: int, source: int, bits: int) -> int:
    """`slli`."""
    return _immediate_type(0b0010011, 1, bits, source, destination)


def shift_right(destination: int, source: int, bits: int) -> int:
    """`srli`."""
    return _immediate_type(0b0010011, 5, bits, source, destination)


def load(size_bytes: int, destination: int, base: int, offset: int) -> int:
    """`lb`, `lh`, `lw` or `ld`."""
    return _immediate_type(0b0000011, size_bytes.bit_length() - 1, offset, base, destination)


def store(size_bytes: int, source: int, base: int, offset: int) -> int:
    """`sb`, `sh`, `sw` or `sd`."""
    high, low = offset >> 5 & 0x7F, offset & 0x1F
    return (
        high << 25
        | source << 20
        | base << 15
        | (size_bytes.bit_length() - 1) << 12
        | low << 7
        | 0b0100011
    )  # fmt: skip


def branch_if_unequal(left: int, right: int, distance_bytes: int) -> int:
    """`bne`, relative to itself; fields 12 | 10:5 and 4:1 | 11 of the distance."""
    offset = distance_bytes & 0x1FFF
    high = (offset >> 12) << 6 | (offset >> 5 & 0x3F)
    low = (offset >> 1 & 0xF) << 1 | (offset >> 11 & 1)
    return high << 25 | right << 20 | left << 15 | 1 << 12 | low << 7 | 0b1100011


def jump(distance_bytes: int) -> int:
    """`j`, relative to itself; fields 20 | 10:1 | 11 | 19:12 of the distance."""
    offset = distance_bytes & 0x1F_FFFF
    field = (
        (offset >> 20) << 19
        | (offset >> 1 & 0x3FF) << 9
        | (offset >> 11 & 1) << 8
        | (offset >> 12 & 0xFF)
    )  # fmt: skip
    return field << 12 | 0b1101111


def write_csr(number: int, source: int) -> int:
    """`csrw`."""
    return number << 20 | source << 15 | 1 << 12 | 0b1110011


def set_csr_bits(number: int, bits: int) -> int:
    """`csrsi`; `bits` are among the low five."""
    return number << 20 | bits << 15 | 6 << 12 | 0b1110011


def _register_type(function7: int, source2: int, source1: int, function3: int, destination: int) -> int:
    return function7 << 25 | source2 << 20 | source1 << 15 | function3 << 12 | destination << 7 | 0b0110011


def _immediate_type(opcode: int, function3: int, immediate: int, source: int, destination: int) -> int:
    return (immediate & 0xFFF) << 20 | source << 15 | function3 << 12 | destination << 7 | opcode
