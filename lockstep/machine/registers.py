"""A hart's registers by name: integer, floating point, pc, and the CSRs that hold state.

Values are as the guest sees them. `bits` says which bits of a register exist: the others are wired to a constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lockstep.machine.riscv.bits import HARDWARE_INTERRUPTS, S_MODE_INTERRUPTS, SEIP

if TYPE_CHECKING:
    from lockstep.machine.machine import Machine

RegisterKind = Literal["integer", "float", "pc", "csr"]

_ALL = (1 << 64) - 1
_EVEN = _ALL - 1
"""Instructions lie at even addresses: a program counter has no bit 0 (volume II, section 3.1.19)."""
_INTERRUPTS = S_MODE_INTERRUPTS | HARDWARE_INTERRUPTS
_STATUS = 1 << 63 | 0x7F_FFFF & ~(1 << 0 | 1 << 2 | 1 << 4 | 1 << 6 | 3 << 9)
_STATUS_MOVED, _STATUS_MOVED_SHIFT = 3 << 21, 8
"""TW and TSR, which libunicorn keeps 8 bits too high."""
_EXCEPTIONS = 0xB3FF

CSR_BITS: dict[str, int] = {
    "mstatus": _STATUS,
    "mtvec": _ALL,
    "mscratch": _ALL,
    "mepc": _EVEN,
    "mcause": _ALL,
    "mtval": _ALL,
    "mie": _INTERRUPTS,
    "mip": _INTERRUPTS,
    "mideleg": S_MODE_INTERRUPTS,
    "medeleg": _EXCEPTIONS,
    "mcounteren": 0xFFFF_FFFF,
    "stvec": _ALL,
    "sscratch": _ALL,
    "sepc": _EVEN,
    "scause": _ALL,
    "stval": _ALL,
    "satp": _ALL,
    "scounteren": 0xFFFF_FFFF,
    "fflags": 0x1F,
    "frm": 0x7,
}
"""The CSRs that are a field of a hart's registers, in the order of reports, and their bits that exist."""

_FLOAT_FLAGS = ((0, 5), (1, 4), (2, 3), (3, 2), (4, 0))
"""NX, UF, OF, DZ, NV: their bits in fflags, and those by which QEMU's softfloat keeps them."""

INTEGER_ABI_NAMES = (
    *("zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1"),
    *(f"a{number}" for number in range(8)),
    *(f"s{number}" for number in range(2, 12)),
    *(f"t{number}" for number in range(3, 7)),
)
FLOAT_ABI_NAMES = (
    *(f"ft{number}" for number in range(8)),
    *("fs0", "fs1"),
    *(f"fa{number}" for number in range(8)),
    *(f"fs{number}" for number in range(2, 12)),
    *(f"ft{number}" for number in range(8, 12)),
)


@dataclass(frozen=True)
class Register:
    """One register of a hart."""

    name: str
    kind: RegisterKind
    bits: int
    """Mask of the bits that exist."""
    number: int = 0
    """Of an integer or floating-point register."""


def _all_registers() -> dict[str, Register]:
    registers = [Register("pc", "pc", _EVEN)]
    registers += [Register(f"x{n}", "integer", _ALL if n else 0, n) for n in range(32)]
    registers += [Register(f"f{n}", "float", _ALL, n) for n in range(32)]
    registers += [Register(name, "csr", bits) for name, bits in CSR_BITS.items()]
    return {register.name: register for register in registers}


REGISTERS = _all_registers()
"""Every register by its name, in the order of reports."""
_ALIASES = {
    **{abi: f"x{number}" for number, abi in enumerate(INTEGER_ABI_NAMES)},
    **{abi: f"f{number}" for number, abi in enumerate(FLOAT_ABI_NAMES)},
    "fp": "x8",
}
ABI_NAMES = {name: abi for abi, name in _ALIASES.items() if abi != "fp"}
"""What the calling convention calls x and f registers."""


def find_register(name: str) -> Register | None:
    """The register called `name`, as x7, t2, f10, fa0, pc or mepc; None if there is none."""
    return REGISTERS.get(_ALIASES.get(name, name))


def read_register(machine: Machine, hart: int, register: Register) -> int:
    """Its value as an unsigned number."""
    env: Any = machine.wires.engines[hart].registers[0]
    if register.kind == "integer":
        value = int(env["gpr"][register.number])
    elif register.kind == "float":
        value = int(env["fpr"][register.number])
    else:
        value = _shown(env, register)
    return value & _ALL


def _shown(env: Any, register: Register) -> int:
    """pc or a CSR, from where libunicorn keeps it."""
    if register.name == "fflags":
        kept = int(env["float_exception_flags"])
        return sum((kept >> place & 1) << bit for bit, place in _FLOAT_FLAGS)
    value = int(env[register.name])
    if register.name == "mstatus":
        return ((value & ~_STATUS_MOVED) | (value >> _STATUS_MOVED_SHIFT) & _STATUS_MOVED) & _STATUS
    return value


def write_register(machine: Machine, hart: int, register: Register, value: int) -> None:
    """Set the bits that exist to those of `value`, on a machine that stands still. Flushes nothing."""
    env: Any = machine.wires.engines[hart].registers[0]
    value &= register.bits
    if register.name == "mip":
        # SEIP is made anew from what software wrote and the PLIC's line, the others by the CLINT and the PLIC.
        machine.board["harts"][hart]["supervisor_external"] = value & SEIP
    elif register.name == "mstatus":
        moved = value & _STATUS_MOVED
        value = value & ~_STATUS_MOVED | moved << _STATUS_MOVED_SHIFT
    elif register.name == "fflags":
        env["float_exception_flags"] = sum((value >> bit & 1) << place for bit, place in _FLOAT_FLAGS)
        return
    signed = value - (value >> 63 << 64)
    if register.kind == "integer":
        env["gpr"][register.number] = signed
    elif register.kind == "float":
        env["fpr"][register.number] = signed
    else:
        env[register.name] = signed


def register_values(machine: Machine, hart: int) -> dict[str, int]:
    """Names and values of all of a hart's registers."""
    return {name: read_register(machine, hart, register) for name, register in REGISTERS.items()}
