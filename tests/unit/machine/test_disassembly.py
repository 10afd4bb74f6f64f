from __future__ import annotations

from lockstep.machine.config import MachineConfig
from lockstep.machine.disassembly import disassemble_around
from lockstep.machine.machine import Machine, Stop

ADDI, ADD, COMPRESSED_LI, SPIN = 0x00150513, 0x00B50533, 0x4585, 0x0000006F
"""addi a0, a0, 1; add a0, a0, a1; c.li a1, 1; j ."""


def machine_of(*code: tuple[int, int]) -> Machine:
    guest = b"".join(bits.to_bytes(size, "little") for bits, size in code)
    return Machine(MachineConfig(guest=guest, guest_name="some code", memory_bytes=1 << 20, clock="virtual"))


def test_marks_the_instruction_and_shows_its_neighbours() -> None:
    machine = machine_of((ADDI, 4), (COMPRESSED_LI, 2), (ADD, 4), (SPIN, 4))
    assert machine.run(exact_icount=2) is Stop.EXACT
    assert disassemble_around(machine)[:4] == [
        "   0x80000000: 00150513 addi a0, a0, 1",
        "   0x80000004: 4585 c.li a1, 1",
        "=> 0x80000006: 00b50533 add a0, a0, a1",
        "   0x8000000a: 0000006f j 0",
    ]


def test_code_that_cant_be_fetched() -> None:
    machine = machine_of((SPIN, 4))
    assert disassemble_around(machine, 0x10) == ["=> 0x10: nothing that can be fetched"]
    assert disassemble_around(machine, (1 << 64) - 2) == [
        "=> 0xfffffffffffffffe: nothing that can be fetched"
    ]


def test_what_no_instruction_is() -> None:
    machine = machine_of((0xFFFF_FFFF, 4))
    assert disassemble_around(machine)[0] == "=> 0x80000000: ffffffff not an instruction"
