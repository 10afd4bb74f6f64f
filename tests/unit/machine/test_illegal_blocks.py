"""libunicorn's block of an illegal compressed instruction doesn't cover it: neither its bytes nor its page."""

from __future__ import annotations

import struct

import assembler
import programs
import random_programs
from assembler import MRET, RAM, Assembler, addi, csr, s_type

from lockstep.machine.machine import Machine, Stop


def power_off(asm: Assembler) -> None:
    asm.constant(5, 0x10_0000)
    asm.constant(6, assembler.POWER_OFF)
    asm.emit(s_type(0x23, 2, 5, 6, 0))
    asm.label("stop")
    asm.jump("stop")


def test_a_patched_illegal_instruction_runs_anew() -> None:
    """A block that left early before its illegal end, which was then overwritten: fence.i must show the new one."""
    asm = Assembler()
    asm.address(5, "handler")
    asm.emit(csr(1, 0, "mtvec", 5), addi(7, 0, 0), addi(10, 0, 0))
    asm.label("again")
    asm.emit(addi(11, 0, 1), assembler.i_type(0x03, 3, 12, 7, 0))
    asm.label("slot")
    asm.emit(0x0000)
    asm.emit(addi(10, 10, 100))
    power_off(asm)
    asm.align(4)
    asm.label("handler")
    asm.emit(addi(13, 13, 1), csr(2, 14, "mcause", 0))
    asm.address(15, "slot")
    asm.constant(16, 0x0505)  # c.addi a0, 1
    asm.emit(s_type(0x23, 1, 15, 16, 0), assembler.FENCE_I)
    asm.constant(7, RAM)
    asm.emit(MRET)
    machine = Machine(programs.machine_config(asm.image()))
    assert machine.run(limit=10_000) is Stop.FINISHED
    registers = machine.wires.engines[0].registers[0]["gpr"]
    assert list(registers[[10, 13, 14]]) == [101, 1, 5], "a0, traps, last mcause"


def test_illegal_at_the_start_of_a_page() -> None:
    """Twice at the start of RAM's second page, with nothing that can be fetched before or after it."""
    asm = Assembler()
    asm.address(5, "handler")
    asm.emit(csr(1, 0, "mtvec", 5))
    leaf = random_programs.leaf_address
    for page, flags in ((31, 0), (32, 0xCF), (33, 0)):
        asm.constant(5, leaf(page))
        asm.constant(6, (RAM >> 12) + page << 10 | flags)
        asm.emit(s_type(0x23, 3, 5, 6, 0))
    asm.constant(5, (1 << 54) - 1)
    asm.emit(csr(1, 0, "pmpaddr0", 5), addi(5, 0, 0x1F), csr(1, 0, "pmpcfg0", 5))
    asm.constant(5, 8 << 60 | random_programs.TABLES >> 12)
    asm.emit(csr(1, 0, "satp", 5))
    asm.label("go")
    asm.constant(5, RAM + 32 * 4096)
    asm.emit(csr(1, 0, "mepc", 5))
    asm.constant(5, 0x800)
    asm.emit(csr(1, 0, "mstatus", 5), MRET)
    asm.align(4)
    asm.label("handler")
    asm.emit(addi(13, 13, 1), csr(2, 14, "mcause", 0), csr(2, 16, "mtval", 0), assembler.add(15, 15, 14))
    asm.emit(addi(17, 0, 3))
    asm.branch(4, 13, 17, "go")
    power_off(asm)
    image = asm.image().ljust(random_programs.TABLES - RAM, b"\0")
    root, middle = [0] * 512, [0] * 512
    root[2], middle[0] = (
        (random_programs.TABLES + 0x1000) >> 12 << 10 | 1,
        (random_programs.TABLES + 0x2000) >> 12 << 10 | 1,
    )
    machine = Machine(programs.machine_config(image + struct.pack("<1024Q", *root, *middle) + bytes(4096)))
    assert machine.run(limit=10_000) is Stop.FINISHED
    registers = machine.wires.engines[0].registers[0]["gpr"]
    assert list(registers[[13, 14, 15, 16]]) == [3, 2, 6, 0], "traps, mcause, sum of mcause, mtval"
