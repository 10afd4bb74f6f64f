"""A hart's registers by name: integer, floating point, pc, and the CSRs that hold state.

Values are as the guest sees them. `bits` says which bits of a register exist: the others are wired to a constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lockstep.machine.csr_values import ALL_BITS, CSR_BITS, EVEN_BITS, read_csr, signed, write_csr

if TYPE_CHECKING:
    from lockstep.machine.machine import Machine

RegisterKind = Literal["integer", "float", "pc", "csr"]

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
    registers = [Register("pc", "pc", EVEN_BITS)]
    registers += [Register(f"x{n}", "integer", ALL_BITS if n else 0, n) for n in range(32)]
    registers += [Register(f"f{n}", "float", ALL_BITS, n) for n in range(32)]
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
    elif register.kind == "pc":
        value = int(env["pc"])
    else:
        value = read_csr(machine, hart, register.name)
    return value & ALL_BITS


def write_register(machine: Machine, hart: int, register: Register, value: int) -> None:
    """Set the bits that exist to those of `value`, on a machine that stands still. Flushes nothing."""
    env: Any = machine.wires.engines[hart].registers[0]
    value &= register.bits
    if register.kind == "integer":
        env["gpr"][register.number] = signed(value)
    elif register.kind == "float":
        env["fpr"][register.number] = signed(value)
    elif register.kind == "pc":
        env["pc"] = signed(value)
    else:
        write_csr(machine, hart, register.name, value)


def register_values(machine: Machine, hart: int) -> dict[str, int]:
    """Names and values of all of a hart's registers."""
    return {name: read_register(machine, hart, register) for name, register in REGISTERS.items()}
