"""Where two machines differ: registers and devices by name, RAM by range."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from lockstep.errors import UsageError
from lockstep.machine.machine import Machine
from lockstep.machine.memory_map import RAM_BASE
from lockstep.machine.riscv.bits import PAGE_BYTES
from lockstep.verify.portrait import (
    WORD_BYTES,
    Portrait,
    devices_of,
    pages_that_differ,
    registers_of,
    take_portrait,
)

_LINES_MAX = 24
_BYTES_SHOWN_MAX = 16


@dataclasses.dataclass(frozen=True)
class RegisterDifference:
    """A register that differs."""

    hart: int
    name: str
    abi: str
    """What the calling convention calls it; empty for others than x and f registers."""
    left: int
    right: int

    def __str__(self) -> str:
        """One line."""
        name = f"{self.name}/{self.abi}" if self.abi else self.name
        return f"hart {self.hart} {name}: {self.left:#x} | {self.right:#x}"


@dataclasses.dataclass(frozen=True)
class DeviceDifference:
    """A word of a device, a counter or the schedule that differs."""

    name: str
    left: int
    right: int

    def __str__(self) -> str:
        """One line."""
        return f"{self.name}: {self.left:#x} | {self.right:#x}"


@dataclasses.dataclass(frozen=True)
class MemoryDifference:
    """A range of RAM, in whole words of 8 bytes, each of which differs."""

    address: int
    left: bytes
    right: bytes

    @property
    def end(self) -> int:
        """The address behind its last byte."""
        return self.address + len(self.left)

    def __str__(self) -> str:
        """One line."""
        return f"RAM {self.address:#x}, {len(self.left)} bytes: {_shown(self.left)} | {_shown(self.right)}"


@dataclasses.dataclass(frozen=True)
class Diff:
    """How two machines differ. True if they do; as text, a line for each difference, the left machine's value first."""

    registers: tuple[RegisterDifference, ...]
    devices: tuple[DeviceDifference, ...]
    memory: tuple[MemoryDifference, ...]

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.registers or self.devices or self.memory)

    def __str__(self) -> str:
        """A line for each difference, up to some of each kind."""
        if not self:
            return "the machines are equal"
        lines = [line for kind in (self.registers, self.devices, self.memory) for line in _lines(kind)]
        return "\n".join(lines)


def diff(left: object, right: object) -> Diff:
    """How machine `left` differs from machine `right`. UsageError if they are of different size."""
    return diff_machines(core_of(left), core_of(right))


def core_of(machine: object) -> Machine:
    """The machine behind a script's machine."""
    core = getattr(machine, "core", None)
    if not isinstance(core, Machine):
        raise UsageError(f"{machine!r} is no machine: give two of lockstep.Machine")
    return core


def diff_machines(left: Machine, right: Machine) -> Diff:
    """How `left` differs from `right`, both of which stand still."""
    if left.wires.ram.nbytes != right.wires.ram.nbytes or left.config.harts != right.config.harts:
        raise UsageError("machines of different size can't be compared: give both the same memory and harts")
    portraits = take_portrait(left), take_portrait(right)
    return Diff(
        registers=tuple(
            RegisterDifference(row["hart"], row["name"], row["abi"], *_both(row))
            for row in registers_of(*portraits)
            if row["differs"]
        ),
        devices=tuple(DeviceDifference(row["name"], *_both(row)) for row in devices_of(*portraits)),
        memory=tuple(_memory(left, right, portraits)),
    )


def _both(row: dict[str, str]) -> tuple[int, int]:
    return int(row["expected"], 16), int(row["actual"], 16)


def _memory(left: Machine, right: Machine, portraits: tuple[Portrait, Portrait]) -> list[MemoryDifference]:
    words = [machine.wires.ram.view("<u8") for machine in (left, right)]
    page_words = PAGE_BYTES // WORD_BYTES
    differing = [
        page * page_words + np.flatnonzero(words[0][part] != words[1][part])
        for page in pages_that_differ(*portraits)
        for part in [slice(page * page_words, (page + 1) * page_words)]
    ]
    if not differing:
        return []
    numbers = np.concatenate(differing)
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
    return [
        MemoryDifference(
            RAM_BASE + int(run[0]) * WORD_BYTES, *(side[run[0] : run[-1] + 1].tobytes() for side in words)
        )
        for run in runs
    ]


def _lines(differences: Iterable[object]) -> list[str]:
    listed = list(differences)
    left_out = len(listed) - _LINES_MAX
    more = [f"... and {left_out} more"] if left_out > 0 else []
    return [str(one) for one in listed[:_LINES_MAX]] + more


def _shown(data: bytes) -> str:
    return data[:_BYTES_SHOWN_MAX].hex() + ("…" if len(data) > _BYTES_SHOWN_MAX else "")
