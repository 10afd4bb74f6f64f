"""Code as text, by Capstone."""

from __future__ import annotations

from capstone import CS_ARCH_RISCV, CS_MODE_RISCV64, CS_MODE_RISCVC, Cs

BEFORE_MAX, AFTER_MAX = 4, 5
"""Instructions shown on either side."""
_MARK, _NO_MARK = ">", " "


def disassemble(first: int, code: bytes, pc: int) -> list[str]:
    """The instruction at `pc`, marked with >, and its neighbours; `code` starts at address `first`.

    What lies before `pc` is read from the first halfword from which whole instructions lead to `pc`.
    """
    engine = Cs(CS_ARCH_RISCV, CS_MODE_RISCV64 | CS_MODE_RISCVC)
    lines: list[str] = []
    for start in range(first, pc + 1, 2):
        lines = [_line(engine, address, bits, pc) for address, bits in _split(code[start - first :], start)]
        if any(line.startswith(_MARK) for line in lines):
            break
    here = next((index for index, line in enumerate(lines) if line.startswith(_MARK)), 0)
    return lines[max(here - BEFORE_MAX, 0) : here + AFTER_MAX + 1]


def _split(code: bytes, address: int) -> list[tuple[int, bytes]]:
    """Whole instructions with their addresses."""
    pieces, offset = [], 0
    while offset + 2 <= len(code):
        size = 4 if code[offset] & 3 == 3 else 2
        if offset + size > len(code):
            break
        pieces.append((address + offset, code[offset : offset + size]))
        offset += size
    return pieces


def _line(engine: Cs, address: int, bits: bytes, pc: int) -> str:
    mark = _MARK if address == pc else _NO_MARK
    text = next((f"{i.mnemonic} {i.op_str}".rstrip() for i in engine.disasm(bits, address)), "(not decoded)")
    return f"{mark} {address:#x}  {bits[::-1].hex():>8}  {text}"
