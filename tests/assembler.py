"""A tiny RV64GC assembler, for tests that need no tool-chain."""

from __future__ import annotations

import struct

RAM = 0x8000_0000

ZERO, RA, SP = 0, 1, 2
T3, T4, T5, T6 = 28, 29, 30, 31

CSR = {
    "fflags": 0x001, "frm": 0x002, "fcsr": 0x003, "sstatus": 0x100, "sie": 0x104, "sscratch": 0x140, "sepc": 0x141,
    "scause": 0x142, "stval": 0x143, "sip": 0x144, "satp": 0x180, "stvec": 0x105, "mstatus": 0x300, "misa": 0x301,
    "medeleg": 0x302, "mideleg": 0x303, "mie": 0x304, "mtvec": 0x305, "mcounteren": 0x306, "scounteren": 0x106,
    "mscratch": 0x340, "mepc": 0x341, "mcause": 0x342, "mtval": 0x343, "mip": 0x344, "pmpcfg0": 0x3A0,
    "pmpaddr0": 0x3B0, "pmpaddr7": 0x3B7, "mcycle": 0xB00, "minstret": 0xB02, "cycle": 0xC00, "time": 0xC01,
    "instret": 0xC02, "mhartid": 0xF14,
}  # fmt: skip


def r_type(opcode: int, funct3: int, funct7: int, rd: int, rs1: int, rs2: int) -> int:
    return opcode | rd << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20 | funct7 << 25


def i_type(opcode: int, funct3: int, rd: int, rs1: int, immediate: int) -> int:
    return opcode | rd << 7 | funct3 << 12 | rs1 << 15 | (immediate & 0xFFF) << 20


def s_type(opcode: int, funct3: int, rs1: int, rs2: int, immediate: int) -> int:
    low, high = immediate & 31, (immediate >> 5) & 127
    return opcode | low << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20 | high << 25


def b_type(funct3: int, rs1: int, rs2: int, offset: int) -> int:
    bits = (
        (offset >> 11 & 1) << 7
        | (offset >> 1 & 15) << 8
        | (offset >> 5 & 63) << 25
        | (offset >> 12 & 1) << 31
    )
    return 0x63 | bits | funct3 << 12 | rs1 << 15 | rs2 << 20


def j_type(rd: int, offset: int) -> int:
    bits = (
        (offset >> 12 & 255) << 12
        | (offset >> 11 & 1) << 20
        | (offset >> 1 & 1023) << 21
        | (offset >> 20 & 1) << 31
    )
    return 0x6F | rd << 7 | bits


def addi(rd: int, rs1: int, immediate: int) -> int:
    return i_type(0x13, 0, rd, rs1, immediate)


def lui(rd: int, value: int) -> int:
    return 0x37 | rd << 7 | (value & 0xFFFFF) << 12


def auipc(rd: int, value: int) -> int:
    return 0x17 | rd << 7 | (value & 0xFFFFF) << 12


def csr(function: int, rd: int, name: str | int, source: int) -> int:
    """Functions: 1 csrrw, 2 csrrs, 3 csrrc, 5 to 7 the same with an immediate."""
    number = CSR[name] if isinstance(name, str) else name
    return i_type(0x73, function, rd, source, number)


def add(rd: int, rs1: int, rs2: int) -> int:
    return r_type(0x33, 0, 0, rd, rs1, rs2)


ECALL, EBREAK, MRET, SRET, WFI = 0x73, 0x00100073, 0x30200073, 0x10200073, 0x10500073
SFENCE_VMA, FENCE_I, FENCE, NOP = 0x12000073, 0x0000100F, 0x0FF0000F, 0x13
C_NOP, C_EBREAK = 0x0001, 0x9002
POWER_OFF = 0x5555


class Assembler:
    """Instructions in a row from `origin`, with labels; 16-bit ones are those whose low two bits aren't both set."""

    def __init__(self, origin: int = RAM) -> None:
        self.origin = origin
        self.code = bytearray()
        self.labels: dict[str, int] = {}
        self._fixups: list[tuple[int, str, str, tuple[int, ...]]] = []

    @property
    def here(self) -> int:
        return self.origin + len(self.code)

    def emit(self, *instructions: int) -> None:
        for bits in instructions:
            self.code += struct.pack("<I", bits) if bits & 3 == 3 else struct.pack("<H", bits)

    def label(self, name: str) -> None:
        self.labels[name] = self.here

    def branch(self, funct3: int, rs1: int, rs2: int, target: str) -> None:
        self._fixups.append((len(self.code), "branch", target, (funct3, rs1, rs2)))
        self.emit(NOP)

    def jump(self, target: str, rd: int = 0) -> None:
        self._fixups.append((len(self.code), "jump", target, (rd,)))
        self.emit(NOP)

    def address(self, rd: int, target: str) -> None:
        """Load the address of a label."""
        self._fixups.append((len(self.code), "address", target, (rd,)))
        self.emit(NOP, NOP)

    def constant(self, rd: int, value: int) -> None:
        """Load any 64-bit constant, in at most eight instructions."""
        value = (value + (1 << 63)) % (1 << 64) - (1 << 63)
        if -2048 <= value < 2048:
            self.emit(addi(rd, 0, value))
        elif -(1 << 31) <= value < (1 << 31) - 2048:
            self.emit(lui(rd, (value + 0x800) >> 12), i_type(0x1B, 0, rd, rd, value))
        else:
            self.constant(rd, (value + 0x800) >> 12)
            self.emit(i_type(0x13, 1, rd, rd, 12), addi(rd, rd, value))

    def align(self, size: int) -> None:
        while len(self.code) % size:
            self.emit(C_NOP)

    def image(self) -> bytes:
        for place, kind, target, operands in self._fixups:
            offset = self.labels[target] - (self.origin + place)
            if kind == "branch":
                words = [b_type(*operands, offset)]
            elif kind == "jump":
                words = [j_type(operands[0], offset)]
            else:
                words = [auipc(operands[0], (offset + 0x800) >> 12), addi(operands[0], operands[0], offset)]
            struct.pack_into(f"<{len(words)}I", self.code, place, *words)
        return bytes(self.code)
