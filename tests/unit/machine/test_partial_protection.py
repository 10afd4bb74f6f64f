"""Code in a page that a PMP entry covers in part: libunicorn keeps no block of it, and may not run a stale one."""

from __future__ import annotations

import assembler
import programs
from assembler import RAM, Assembler, addi, csr, i_type, s_type

from lockstep.machine.machine import Machine, Stop


def test_patched_code_runs_anew() -> None:
    asm = Assembler()
    asm.constant(5, (RAM + 0x1800) >> 2)
    asm.emit(csr(1, 0, "pmpaddr0", 5), addi(5, 0, 0x17), csr(1, 0, "pmpcfg0", 5))  # NA4, unlocked
    asm.emit(addi(10, 0, 0), addi(11, 0, 4))
    asm.label("again")
    asm.address(6, "function")
    asm.emit(i_type(0x67, 0, 1, 6, 0))  # one call site, taken again and again
    asm.emit(i_type(0x13, 1, 7, 11, 20))
    asm.constant(8, addi(10, 10, 0))
    asm.emit(assembler.add(8, 8, 7), s_type(0x23, 2, 6, 8, 0), assembler.FENCE_I, addi(11, 11, -1))
    asm.branch(1, 11, 0, "again")
    asm.constant(5, 0x10_0000)
    asm.constant(6, assembler.POWER_OFF)
    asm.emit(s_type(0x23, 2, 5, 6, 0))
    asm.label("stop")
    asm.jump("stop")
    while asm.here < RAM + 0x1100:
        asm.emit(assembler.C_NOP)
    asm.label("function")
    asm.emit(addi(10, 10, 100), i_type(0x67, 0, 0, 1, 0))
    machine = Machine(programs.machine_config(asm.image()))
    assert machine.run(limit=100_000) is Stop.FINISHED
    registers = machine.wires.engines[0].registers[0]["gpr"]
    assert registers[10] == 100 + 4 + 3 + 2, "the function as it was, then as patched three times"


def test_four_bytes_can_be_protected() -> None:
    """NA4, locked and without rights: M-mode can't load that word, but the ones before and behind it."""
    word = RAM + 0x1800
    asm = Assembler()
    asm.address(5, "handler")
    asm.emit(csr(1, 0, "mtvec", 5))
    asm.constant(5, word >> 2)
    asm.emit(csr(1, 0, "pmpaddr0", 5), addi(5, 0, 0x90), csr(1, 0, "pmpcfg0", 5))
    asm.constant(6, word)
    asm.emit(addi(10, 0, 0))
    for number, offset in enumerate((-4, 4, 0, -2)):
        asm.emit(addi(11, 0, 1 << number), i_type(0x03, 1 if offset == -2 else 2, 12, 6, offset))
    asm.constant(5, 0x10_0000)
    asm.constant(6, assembler.POWER_OFF)
    asm.emit(s_type(0x23, 2, 5, 6, 0))
    asm.label("stop")
    asm.jump("stop")
    asm.align(4)
    asm.label("handler")
    asm.emit(assembler.add(10, 10, 11), csr(2, 13, "mcause", 0), csr(2, 14, "mepc", 0), addi(14, 14, 4))
    asm.emit(csr(1, 0, "mepc", 14), 0x3020_0073)
    machine = Machine(programs.machine_config(asm.image()))
    assert machine.run(limit=100_000) is Stop.FINISHED
    registers = machine.wires.engines[0].registers[0]["gpr"]
    assert (registers[10], registers[13]) == (1 << 2, 5), "only the load of the word itself is refused"
