"""All of a machine as far as a report shows it, and where two machines differ."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from lockstep.machine.engine.layout import ENV, ENV_STATE_BYTES
from lockstep.machine.machine import Machine
from lockstep.machine.memory_map import RAM_BASE
from lockstep.machine.registers import ABI_NAMES, REGISTERS, register_values
from lockstep.machine.riscv.bits import PAGE_BYTES
from lockstep.machine.snapshot import hart_bytes, settle
from lockstep.machine.state import BOARD

WORD_BYTES = 8
PAGES_SHOWN_MAX = 16
WORDS_SHOWN_MAX = 16
"""Of each page."""
_CAPTURED = {"mhartid", "wiring", "badaddr", "engine", "float_exception_flags"}
"""Fields of a hart that are this process's, or are compared under another name."""


@dataclasses.dataclass(frozen=True)
class Portrait:
    """A machine that stands still. RAM is there as one hash per page."""

    icount: int
    position: int
    hart: int
    """Whose turn it is."""
    pc: int
    registers: tuple[dict[str, int], ...]
    """Of each hart."""
    harts: tuple[bytes, ...]
    board: bytes
    page_hashes: bytes
    """A little-endian uint64 for each page."""


def take_portrait(machine: Machine) -> Portrait:
    """Of `machine`, which stands still."""
    wires = machine.wires
    settle(wires.first_wiring)
    harts = range(len(wires.engines))
    memory = wires.ram.data
    hashes = [
        xxhash.xxh3_64_intdigest(memory[first : first + PAGE_BYTES])
        for first in range(0, wires.ram.nbytes, PAGE_BYTES)
    ]
    return Portrait(
        icount=machine.icount,
        position=machine.position,
        hart=int(machine.board["current_hart"]),
        pc=machine.pc,
        registers=tuple(register_values(machine, hart) for hart in harts),
        harts=tuple(hart_bytes(wires, hart) for hart in harts),
        board=wires.board.tobytes(),
        page_hashes=np.array(hashes, "<u8").tobytes(),
    )


def registers_of(expected: Portrait, tested: Portrait) -> list[dict[str, Any]]:
    """Both register files, a row for each register of each hart."""
    rows = []
    for hart, (left, right) in enumerate(zip(expected.registers, tested.registers, strict=True)):
        for name in REGISTERS:
            row = {"hart": hart, "name": name, "abi": ABI_NAMES.get(name, "")}
            row |= {"expected": hexadecimal(left[name]), "actual": hexadecimal(right[name])}
            rows.append(row | {"differs": left[name] != right[name]})
        rows += _hidden_registers(hart, expected.harts[hart], tested.harts[hart])
    return rows


def _hidden_registers(hart: int, left: bytes, right: bytes) -> list[dict[str, Any]]:
    """Rows for state of a hart that has no name of its own in `REGISTERS` and differs: privilege mode, PMP."""
    assert ENV.fields is not None
    rows = []
    for name, (kind, offset, *_) in ENV.fields.items():
        part = slice(offset, offset + kind.itemsize)
        is_other = name not in REGISTERS and name not in _CAPTURED and name not in ("gpr", "fpr")
        if is_other and offset < ENV_STATE_BYTES and left[part] != right[part]:
            row = {"hart": hart, "name": name, "abi": "", "differs": True}
            row |= {"expected": _raw(left[part]), "actual": _raw(right[part])}
            rows.append(row)
    return rows


def devices_of(expected: Portrait, tested: Portrait) -> list[dict[str, str]]:
    """What differs in devices, counters and the schedule: name and both values."""
    return _fields("", BOARD, expected.board, tested.board)


def _fields(name: str, kind: np.dtype[Any], left: bytes, right: bytes) -> list[dict[str, str]]:
    if left == right:
        return []
    rows: list[dict[str, str]] = []
    if kind.fields is not None:
        for field, (inner, offset, *_) in kind.fields.items():
            part = slice(offset, offset + inner.itemsize)
            rows += _fields(f"{name}.{field}" if name else field, inner, left[part], right[part])
    elif kind.subdtype is not None:
        base = kind.subdtype[0]
        size = base.itemsize
        for index in range(kind.itemsize // size):
            part = slice(index * size, (index + 1) * size)
            rows += _fields(f"{name}[{index}]", base, left[part], right[part])
    else:
        rows.append({"name": name, "expected": _raw(left), "actual": _raw(right)})
    return rows


def pages_that_differ(expected: Portrait, tested: Portrait) -> list[int]:
    """Numbers of the pages of RAM that differ."""
    left, right = (np.frombuffer(portrait.page_hashes, "<u8") for portrait in (expected, tested))
    return [int(page) for page in np.flatnonzero(left != right)]


def memory_of(pages: list[int], expected: bytes, tested: bytes) -> list[dict[str, Any]]:
    """The words that differ in `pages`, whose contents follow one another in `expected` and `tested`."""
    shown = []
    for index, page in enumerate(pages):
        left, right = (_words(contents, index) for contents in (expected, tested))
        places = np.flatnonzero(left != right)
        address = RAM_BASE + page * PAGE_BYTES
        words = [
            {
                "address": hexadecimal(address + int(place) * WORD_BYTES),
                "expected": hexadecimal(int(left[place])),
                "actual": hexadecimal(int(right[place])),
            }
            for place in places[:WORDS_SHOWN_MAX]
        ]
        shown.append({"page": hexadecimal(address), "words_count": len(places), "words": words})
    return shown


def _words(contents: bytes, index: int) -> npt.NDArray[Any]:
    return np.frombuffer(contents[index * PAGE_BYTES : (index + 1) * PAGE_BYTES], "<u8")


def hexadecimal(value: int) -> str:
    """As reports have it: JSON readers lose the low bits of large numbers."""
    return f"{value:#x}"


def _raw(part: bytes) -> str:
    return hexadecimal(int.from_bytes(part, "little"))
