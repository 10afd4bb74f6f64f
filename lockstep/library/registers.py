"""Registers by the names that scripts use: those that hold state, and CSRs that are views of others."""

from __future__ import annotations

from collections.abc import Callable

from lockstep.errors import UsageError
from lockstep.machine.change import change_register
from lockstep.machine.clocks import TICK_NS
from lockstep.machine.csr_values import ALL_BITS, read_csr
from lockstep.machine.machine import Machine
from lockstep.machine.registers import Register, find_register, read_register
from lockstep.machine.riscv.bits import S_MODE_INTERRUPTS
from lockstep.machine.snapshot import settle

_SSTATUS, _SSTATUS_XLEN = 1 << 63 | 0xDE122, 2 << 32
"""SD, MXR, SUM, XS, FS, SPP, SPIE, SIE (privileged specification 1.10, section 4.1.1), and UXL: 64 bits."""

_VIEWS: dict[str, Callable[[Machine, int], int]] = {
    "sstatus": lambda machine, hart: read_csr(machine, hart, "mstatus") & _SSTATUS | _SSTATUS_XLEN,
    "sie": lambda machine, hart: read_csr(machine, hart, "mie") & read_csr(machine, hart, "mideleg"),
    "sip": lambda machine, hart: read_csr(machine, hart, "mip") & S_MODE_INTERRUPTS,
    "fcsr": lambda machine, hart: read_csr(machine, hart, "frm") << 5 | read_csr(machine, hart, "fflags"),
    "cycle": lambda machine, hart: read_csr(machine, hart, "mcycle"),
    "instret": lambda machine, hart: read_csr(machine, hart, "minstret"),
    "time": lambda machine, hart: machine.guest_ns // TICK_NS,
    "mhartid": lambda machine, hart: hart,
}


def read_named(machine: Machine, hart: int, name: str) -> int:
    """The value of a register as an unsigned number. UsageError if there is none of that name."""
    settle(machine.wires.first_wiring)
    view = _VIEWS.get(name.lower())
    if view is not None:
        return view(machine, hart) & ALL_BITS
    return read_register(machine, hart, _register(name))


def write_named(machine: Machine, hart: int, name: str, value: int) -> None:
    """Change a register. UsageError if there is none of that name, or it can't be written."""
    if name.lower() in _VIEWS:
        raise UsageError(f"{name} only shows other registers: write the one that holds its state")
    if not -(1 << 63) <= value <= ALL_BITS:
        raise UsageError(f"{value} doesn't fit in {name}: registers have 64 bits")
    register = _register(name)
    if register.name == "x0":
        raise UsageError("x0 is wired to zero: write another register")
    change_register(machine, hart, register, value & ALL_BITS)


def _register(name: str) -> Register:
    register = find_register(name.lower())
    if register is None:
        raise UsageError(
            f"there is no register {name!r}: give x0 to x31, f0 to f31, an ABI name as a0, pc, or a CSR as mepc"
        )
    return register
