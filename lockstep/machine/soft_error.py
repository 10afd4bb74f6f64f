"""Soft errors: one bit flips, in a register or in RAM, after an exact number of instructions.

    x7@10M:13             bit 13 of x7, once 10,000,000 instructions have retired
    hart1.mepc@1.5G:2     of hart 1; without a prefix: of hart 0
    0x80001000@5M:4       bit 4 of the memory from that physical address on (bit 8 is in the byte that follows)

A flip behaves as in hardware, seen at once: of a register, by the next instruction; of RAM, by the next access, fetches
included, for code that was translated from the page is dropped. A page-table entry that flips is seen by the next walk:
translations that the hart knows stay until they are flushed, as in a TLB. A flip of satp, mstatus or a PMP register is
seen by the next access: what was translated under the old value is forgotten.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lockstep.errors import UsageError
from lockstep.machine.change import change_ram, change_register
from lockstep.machine.config import MachineConfig
from lockstep.machine.memory_map import RAM_BASE
from lockstep.machine.quantities import parse_icount
from lockstep.machine.registers import find_register, read_register

if TYPE_CHECKING:
    from lockstep.machine.machine import Machine

TargetKind = Literal["integer", "float", "pc", "csr", "ram"]

_OPTION = "--inject"
_FORM = re.compile(r"(?:hart([0-9]{1,3})\.)?([0-9a-z_]{1,32})@([^:@]{1,40}):([0-9]{1,3})", re.ASCII)
_ADDRESS = re.compile(r"0x[0-9a-f]{1,16}|[0-9]{1,20}", re.ASCII)
_BITS = 64


@dataclass(frozen=True, kw_only=True)
class SoftError:
    """One bit that flips. Either `register` (its canonical name) or `address` (physical) says where."""

    icount: int
    bit: int
    register: str | None = None
    address: int | None = None
    hart: int = 0

    @property
    def target(self) -> TargetKind:
        """What kind of thing is hit."""
        if self.register is None:
            return "ram"
        register = find_register(self.register)
        assert register is not None
        return register.kind

    def __str__(self) -> str:
        """As `parse_soft_error` takes it."""
        where = f"{self.address:#x}" if self.register is None else self.register
        prefix = f"hart{self.hart}." if self.hart else ""
        return f"{prefix}{where}@{self.icount}:{self.bit}"


def parse_soft_error(text: str) -> SoftError:
    """A soft error from REG@ICOUNT:BIT or PHYSADDR@ICOUNT:BIT. UsageError if it is none."""
    match = _FORM.fullmatch(text.strip().lower())
    if match is None:
        raise UsageError(
            f"{_OPTION} {text[:40]!r} is not REG@ICOUNT:BIT or PHYSADDR@ICOUNT:BIT: "
            "give one as x7@10M:13 or 0x80001000@5M:4"
        )
    hart_text, where, icount_text, bit_text = match.groups()
    icount, bit = parse_icount(icount_text, _OPTION), int(bit_text)
    if _ADDRESS.fullmatch(where):
        if hart_text is not None:
            raise UsageError(f"{_OPTION} {text[:40]!r}: RAM belongs to no hart; leave hart{hart_text}. out")
        if bit >= _BITS:
            raise UsageError(f"{_OPTION} {text[:40]!r}: there is no bit {bit}; give 0 to {_BITS - 1}")
        address = int(where, 16) if where.startswith("0x") else int(where)
        return SoftError(icount=icount, bit=bit, address=address)
    register = find_register(where)
    if register is None:
        raise UsageError(
            f"{_OPTION} {text[:40]!r}: there is no register {where}; "
            "give x1 to x31, f0 to f31, an ABI name, pc or a CSR as mepc"
        )
    if register.name == "x0":
        raise UsageError(f"{_OPTION} {text[:40]!r}: x0 is wired to zero; give another register")
    if not register.bits >> bit & 1:
        raise UsageError(
            f"{_OPTION} {text[:40]!r}: {where} has no bit {bit}; it has {_ranges(register.bits)}"
        )
    return SoftError(icount=icount, bit=bit, register=register.name, hart=int(hart_text or 0))


def check_soft_error(error: SoftError, config: MachineConfig) -> None:
    """UsageError unless a machine of `config` has what `error` hits."""
    if error.hart >= config.harts:
        raise UsageError(f"{_OPTION} {error}: there is no hart {error.hart}; give 0 to {config.harts - 1}")
    if error.address is not None:
        last = RAM_BASE + config.memory_bytes - 1
        if not RAM_BASE <= error.address <= error.address + error.bit // 8 <= last:
            raise UsageError(f"{_OPTION} {error}: this is outside RAM; give {RAM_BASE:#x} to {last:#x}")


def flip(machine: Machine, error: SoftError) -> None:
    """Let `error` happen now, on a machine that stands still; `error.icount` isn't looked at."""
    if error.address is not None:
        address = error.address + error.bit // 8
        byte = int(machine.wires.ram[address - RAM_BASE]) ^ 1 << error.bit % 8
        change_ram(machine, address, bytes([byte]))
        return
    register = find_register(error.register or "")
    assert register is not None
    value = read_register(machine, error.hart, register)
    change_register(machine, error.hart, register, value ^ 1 << error.bit)


def _ranges(mask: int) -> str:
    """The bits of `mask` in words, as "0 to 4, 7"."""
    bits = [bit for bit in range(_BITS + 1) if mask >> bit & 1]
    starts = [bit for bit in bits if bit - 1 not in bits]
    ends = [bit for bit in bits if bit + 1 not in bits]
    return ", ".join(
        str(first) if first == last else f"{first} to {last}"
        for first, last in zip(starts, ends, strict=True)
    )
