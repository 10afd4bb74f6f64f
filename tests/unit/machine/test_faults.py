"""Traps that libunicorn gets wrong by itself, mended by lockstep."""

from __future__ import annotations

import struct

import assembler
import programs
import pytest
from assembler import MRET, RAM, Assembler, addi, csr, i_type, r_type, s_type
from random_programs import DATA, TABLES

from lockstep.machine.machine import Machine, Stop

CODE_PAGE, USER_PAGE = 0, 80


def one_trap(instruction: int, pointer: int) -> tuple[int, int]:
    """mcause and mtval after `instruction` with a1 = `pointer`, in M-mode."""
    asm = Assembler()
    asm.address(5, "handler")
    asm.emit(csr(1, 0, "mtvec", 5))
    asm.constant(11, pointer)
    asm.emit(instruction)
    asm.label("stop")
    asm.jump("stop")
    asm.align(4)
    asm.label("handler")
    finish(asm)
    machine = Machine(programs.machine_config(asm.image()))
    assert machine.run(limit=1000) is Stop.FINISHED
    registers = machine.wires.engines[0].registers[0]
    return int(registers["mcause"]), int(registers["mtval"])


def finish(asm: Assembler) -> None:
    asm.constant(5, 0x10_0000)
    asm.constant(6, assembler.POWER_OFF)
    asm.emit(s_type(0x23, 2, 5, 6, 0))
    asm.label("end")
    asm.jump("end")


@pytest.mark.parametrize("function", [0x00, 0x04, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70])
def test_amo_faults_are_those_of_a_store(function: int) -> None:
    """Unprivileged specification, section 8.4, and the privileged one, section 3.1.20."""
    amo = r_type(0x2F, 3, function, 12, 11, 13)
    assert one_trap(amo, 0x3000_0000) == (7, 0x3000_0000)
    assert one_trap(amo, DATA + 4) == (6, DATA + 4)


def test_lr_faults_are_those_of_a_load() -> None:
    assert one_trap(r_type(0x2F, 3, 0x08, 12, 11, 0), 0x3000_0000) == (5, 0x3000_0000)


@pytest.mark.parametrize("name", ["mepc", "sepc"])
def test_exception_pc_is_even(name: str) -> None:
    asm = Assembler()
    asm.emit(addi(5, 0, -1), csr(1, 0, name, 5), csr(2, 10, name, 0))
    finish(asm)
    machine = Machine(programs.machine_config(asm.image()))
    assert machine.run(limit=1000) is Stop.FINISHED
    assert machine.wires.engines[0].registers[0]["gpr"][10] == -2


@pytest.mark.parametrize("load_first", [False, True])
def test_supervisor_never_runs_user_pages(load_first: bool) -> None:
    """With SUM it may read and write them; having done so is no leave to fetch (section 4.3.1)."""
    target = RAM + USER_PAGE * 4096
    asm = Assembler()
    asm.address(5, "handler")
    asm.emit(csr(1, 0, "mtvec", 5))
    asm.constant(5, (1 << 54) - 1)
    asm.emit(csr(1, 0, "pmpaddr0", 5), addi(5, 0, 0x1F), csr(1, 0, "pmpcfg0", 5))
    asm.constant(5, 8 << 60 | TABLES >> 12)
    asm.emit(csr(1, 0, "satp", 5))
    asm.constant(5, 1 << 18 | 0x800)
    asm.emit(csr(2, 0, "mstatus", 5))
    asm.address(5, "supervisor")
    asm.emit(csr(1, 0, "mepc", 5))
    asm.constant(11, target)
    asm.emit(MRET)
    asm.label("supervisor")
    if load_first:
        asm.emit(i_type(0x03, 3, 12, 11, 0), s_type(0x23, 3, 11, 12, 8), i_type(0x03, 3, 12, 11, 8))
    asm.emit(i_type(0x67, 0, 1, 11, 0))
    asm.align(4)
    asm.label("handler")
    finish(asm)
    root, middle, leaves = [0] * 512, [0] * 512, [0] * 512
    root[2], middle[0] = (TABLES + 0x1000) >> 12 << 10 | 1, (TABLES + 0x2000) >> 12 << 10 | 1
    leaves[CODE_PAGE] = (RAM >> 12) << 10 | 0xCF
    leaves[USER_PAGE] = (target >> 12) << 10 | 0xDF
    image = asm.image().ljust(TABLES - RAM, b"\0") + struct.pack("<1536Q", *root, *middle, *leaves)
    machine = Machine(programs.machine_config(image))
    assert machine.run(limit=1000) is Stop.FINISHED
    registers = machine.wires.engines[0].registers[0]
    assert (int(registers["mcause"]), int(registers["mtval"])) == (12, target)
