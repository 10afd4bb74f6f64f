"""RAM, by physical addresses or through a hart's page table, and the code in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from lockstep.errors import UsageError
from lockstep.machine.address import physical_address
from lockstep.machine.change import change_ram
from lockstep.machine.disassembly import code_from, decode
from lockstep.machine.machine import Machine
from lockstep.machine.memory_map import RAM_BASE
from lockstep.machine.riscv.bits import PAGE_BYTES


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One instruction in memory."""

    address: int
    code: bytes
    text: str
    """As Capstone shows it; empty if these bytes are no instruction."""

    def __str__(self) -> str:
        """As a line of a listing."""
        bits = int.from_bytes(self.code, "little")
        return f"{self.address:#x}: {bits:0{2 * len(self.code)}x} {self.text or 'not an instruction'}"


def instructions_at(machine: Machine, address: int, count: int) -> list[Instruction]:
    """Up to `count` instructions from `address` on, fewer where nothing can be fetched."""
    return [Instruction(at, code, decode(code)) for at, code in code_from(machine, address, count)]


def read_memory(machine: Machine, address: int, size: int, hart: int | None) -> bytes:
    """`size` bytes from physical `address`, or with a `hart` from its virtual one. UsageError where there is no RAM."""
    ram = machine.wires.ram
    pieces = list(_pieces(machine, address, size, hart))
    return b"".join(ram[at - RAM_BASE : at - RAM_BASE + length].tobytes() for at, length in pieces)


def write_memory(
    machine: Machine, address: int, data: bytes, hart: int | None, before: Callable[[], None]
) -> None:
    """Store `data`, all of it or (UsageError) none; `before` is called in front of that."""
    pieces = list(_pieces(machine, address, len(data), hart))
    before()
    done = 0
    for at, length in pieces:
        change_ram(machine, at, data[done : done + length])
        done += length


def _pieces(machine: Machine, address: int, size: int, hart: int | None) -> Iterator[tuple[int, int]]:
    """Physical addresses and lengths of the pieces of RAM that make up the range."""
    if size < 0:
        raise UsageError(f"{size} bytes can't be read: give 0 or more")
    end = address + size
    while address < end:
        length = end - address if hart is None else min(end - address, PAGE_BYTES - address % PAGE_BYTES)
        physical = address if hart is None else _translated(machine, hart, address)
        last = RAM_BASE + machine.wires.ram.nbytes
        if not RAM_BASE <= physical <= physical + length <= last:
            raise UsageError(
                f"{physical:#x} to {physical + length:#x} isn't RAM, which is {RAM_BASE:#x} to {last:#x} "
                "(devices can't be read without changing them)"
            )
        yield physical, length
        address += length


def _translated(machine: Machine, hart: int, address: int) -> int:
    physical = physical_address(machine, hart, address)
    if physical is None:
        raise UsageError(
            f"the page table of hart {hart} leads nowhere at {address:#x}: give a mapped address"
        )
    return physical
