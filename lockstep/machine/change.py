"""Changes from outside of a machine that stands still, seen at once, as if the machine had made them itself.

A register is seen by the next instruction. RAM is seen by the next access, fetches included: code that was translated
from it is dropped. A page-table entry is seen by the next walk: translations that the hart knows stay until they are
flushed, as in a TLB. What was translated under another satp, mstatus or PMP register is forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lockstep.machine.csr_values import TRANSLATION_CSRS
from lockstep.machine.memory_map import RAM_BASE
from lockstep.machine.registers import Register, write_register
from lockstep.machine.riscv.bits import PAGE_SHIFT
from lockstep.machine.snapshot import forget_translations
from lockstep.machine.state import PAGE_CODE_MASK

if TYPE_CHECKING:
    from lockstep.machine.machine import Machine


def change_register(machine: Machine, hart: int, register: Register, value: int) -> None:
    """Set the bits of `register` that exist to those of `value`."""
    write_register(machine, hart, register, value)
    if register.name in TRANSLATION_CSRS:
        forget_translations(machine.wires.first_wiring)
    if register.kind == "pc" and hart == int(machine.board["current_hart"]):
        # The rest of a block that an exact stop cut is somewhere else now.
        machine.board["rest"], machine.board["cut_at"] = 0, -1


def change_ram(machine: Machine, address: int, data: bytes) -> None:
    """Store `data` at physical `address`; all of it lies in RAM."""
    wires = machine.wires
    first, end = address - RAM_BASE, address - RAM_BASE + len(data)
    wires.ram[first:end] = np.frombuffer(data, np.uint8)
    if (wires.pages[first >> PAGE_SHIFT : (end - 1 >> PAGE_SHIFT) + 1] & PAGE_CODE_MASK).any():
        forget_code(machine)


def forget_code(machine: Machine) -> None:
    """Have all code translated anew."""
    for engine in machine.wires.engines:
        engine.uc.ctl_flush_tb()
