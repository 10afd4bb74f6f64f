"""The code around a hart's program counter, as Capstone shows it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from lockstep.machine.access import control_of, wiring_at, wiring_of_hart
from lockstep.machine.blocks import code_at
from lockstep.native import exported, int64

if TYPE_CHECKING:
    from lockstep.machine.machine import Machine

LINES_BEFORE, LINES_AFTER = 4, 6
_MASK = (1 << 64) - 1


def disassemble_around(machine: Machine, pc: int | None = None) -> list[str]:
    """Lines of the current hart's code around `pc` (default: where it stands), which is marked by =>."""
    pc = machine.pc if pc is None else pc
    lines = []
    for address, code in code_around(machine, pc):
        text = decode(code)
        mark = "=>" if address == pc else "  "
        bits = int.from_bytes(code, "little")
        lines.append(f"{mark} {address:#x}: {bits:0{2 * len(code)}x} {text or 'not an instruction'}".rstrip())
    return lines or [f"=> {pc:#x}: nothing that can be fetched"]


def decode(code: bytes) -> str:
    """The instruction `code` in words; empty if it is none."""
    found = next(iter(_decoder().disasm_lite(code, 0)), None)
    return "" if found is None else f"{found[2]} {found[3]}".rstrip()


@functools.cache
def _decoder() -> Any:
    import capstone

    return capstone.Cs(capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV64 | capstone.CS_MODE_RISCVC)


def code_around(machine: Machine, pc: int) -> list[tuple[int, bytes]]:
    """Addresses and bytes of the instructions before, at and after `pc`."""
    return [*_code_before(machine, pc), *code_from(machine, pc, LINES_AFTER + 1)]


def _code_before(machine: Machine, pc: int) -> list[tuple[int, bytes]]:
    """Up to LINES_BEFORE instructions that end at `pc`: from the farthest place that leads there."""
    for back in range(4 * LINES_BEFORE, 0, -2):
        code = code_from(machine, pc - back, LINES_BEFORE, end=pc)
        if code and code[-1][0] + len(code[-1][1]) == pc:
            return code
    return []


def code_from(machine: Machine, address: int, count: int, end: int | None = None) -> list[tuple[int, bytes]]:
    """Addresses and bytes of up to `count` instructions from `address` on, none of them beyond `end`."""
    hart = int(machine.board["current_hart"])
    code: list[tuple[int, bytes]] = []
    while len(code) < count and (end is None or address < end):
        signed = (address & _MASK) - ((address & _MASK) >> 63 << 64)
        bits = _code_at(machine.wires.first_wiring, hart, signed)
        if bits == 0:
            break
        size = 4 if bits & 3 == 3 else 2
        code.append((address & _MASK, bits.to_bytes(size, "little")))
        address += size
    return code


@exported(int64(int64, int64, int64))
def _code_at(first_wiring: int, hart: int, address: int) -> int:
    control = control_of(wiring_at(first_wiring))
    return code_at(wiring_of_hart(control, hart), control, address)
