"""ELF executables for riscv64. Source: System V ABI, "ELF-64 Object File Format", version 1.5.

Only the file header and the program headers are used; sections may be missing, but not torn off.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from elftools.common.utils import struct_parse
from elftools.elf.descriptions import describe_e_machine
from elftools.elf.structs import ELFStructs

from lockstep.errors import GuestError
from lockstep.machine.loader.guest_file import GuestFile
from lockstep.machine.loader.program import Program, Segment
from lockstep.machine.loader.room import advice_for_end, ram_range
from lockstep.machine.memory_map import RAM_BASE

MAGIC = b"\x7fELF"
HEADER_BYTES, PROGRAM_HEADER_BYTES = 64, 56
PROGRAM_HEADERS_MAX = 1024
EXECUTABLE_FLAG = 1
MACHINE_OFFSET, MACHINE_BYTES = 18, 2

_FORMAT_TYPES = {
    "ET_REL": "an object file",
    "ET_DYN": "a shared object or position-independent",
    "ET_CORE": "a core dump",
}


@dataclass(frozen=True)
class _Load:
    """A PT_LOAD program header."""

    index: int
    offset: int
    virtual: int
    physical: int
    file_bytes: int
    memory_bytes: int
    executable: bool

    @property
    def end(self) -> int:
        return self.physical + self.memory_bytes


def is_elf(file: GuestFile) -> bool:
    """Whether `file` starts as an ELF does."""
    return file.head(len(MAGIC)) == MAGIC


def load_elf(file: GuestFile, memory_bytes: int, *, may_relocate_itself: bool = False) -> Program:
    """The program in ELF `file`, its segments at their physical addresses. GuestError if it can't be run.

    `may_relocate_itself`: take a position-independent ELF as if it were linked for good, as OpenSBI's are.
    """
    header, structs = _file_header(file)
    _check_type(file, header, may_relocate_itself)
    loads = _load_headers(file, header, structs)
    _check_loads(file, loads, memory_bytes)
    # Nothing has been read so far but headers. From here on, what is read fits in RAM.
    segments = tuple(
        Segment(
            file.name,
            load.physical,
            file.read(load.offset, load.file_bytes),
            load.memory_bytes - load.file_bytes,
        )
        for load in loads
    )
    return Program(segments, _entry(file, int(header.e_entry), loads))


def _file_header(file: GuestFile) -> tuple[Any, Any]:
    raw = file.read(0, HEADER_BYTES)
    word_bits = {1: "32-bit", 2: "64-bit"}.get(raw[4])
    byte_order = {1: "little-endian", 2: "big-endian"}.get(raw[5])
    if word_bits is None or byte_order is None:
        raise _damaged(file, "it is of no known class or byte order")
    structs = ELFStructs(little_endian=byte_order == "little-endian", elfclass=64)
    structs.create_basic_structs()
    header = _parse(file, structs.Elf_Ehdr, raw, "its header makes no sense")
    machine = _machine_name(header.e_machine)
    if (word_bits, byte_order, machine) != ("64-bit", "little-endian", "RISC-V"):
        raise GuestError(
            f"{file.name} is for {word_bits} {byte_order} {machine}, not for 64-bit little-endian RISC-V: "
            "build it for riscv64"
        )
    structs.create_advanced_structs(header.e_type, header.e_machine, header.e_ident["EI_OSABI"])
    return header, structs


def _machine_name(machine: str | int) -> str:
    return f"machine {machine}" if isinstance(machine, int) else str(describe_e_machine(machine))


def _check_type(file: GuestFile, header: Any, may_relocate_itself: bool) -> None:
    if header.e_type == "ET_EXEC" or (header.e_type == "ET_DYN" and may_relocate_itself):
        return
    what = _FORMAT_TYPES.get(header.e_type, "of an unknown type")
    raise GuestError(
        f"{file.name} is {what}, not an executable: link it with -static -no-pie, for 0x{RAM_BASE:x}"
    )


def _load_headers(file: GuestFile, header: Any, structs: Any) -> list[_Load]:
    count = int(header.e_phnum)
    if count == 0:
        raise GuestError(f"{file.name} has no program headers, so there is nothing to load: link it first")
    if count > PROGRAM_HEADERS_MAX:
        raise GuestError(
            f"{file.name} has {count} program headers, more than {PROGRAM_HEADERS_MAX}: link it with fewer"
        )
    if header.e_phentsize != PROGRAM_HEADER_BYTES:
        raise _damaged(file, f"its program headers have {header.e_phentsize} bytes each")
    # Sections aren't needed, but they come last in a file: missing ones show that it was cut.
    end_of_sections = header.e_shoff + header.e_shnum * header.e_shentsize
    if end_of_sections > file.size_bytes:
        raise GuestError(
            f"{file.name} is truncated: its sections end at {end_of_sections} and the file has "
            f"{file.size_bytes} bytes; copy or build it again"
        )
    table = file.read(header.e_phoff, count * PROGRAM_HEADER_BYTES)
    loads = []
    for index in range(count):
        raw = table[index * PROGRAM_HEADER_BYTES : (index + 1) * PROGRAM_HEADER_BYTES]
        entry = _parse(file, structs.Elf_Phdr, raw, f"program header {index} makes no sense")
        if entry.p_type == "PT_LOAD" and (entry.p_memsz or entry.p_filesz):
            loads.append(_load(index, entry))
    if not loads:
        raise GuestError(f"{file.name} has no loadable segments, so there is nothing to run: link it first")
    return sorted(loads, key=lambda load: load.physical)


def _load(index: int, entry: Any) -> _Load:
    return _Load(
        index=index,
        offset=entry.p_offset,
        virtual=entry.p_vaddr,
        physical=entry.p_paddr,
        file_bytes=entry.p_filesz,
        memory_bytes=entry.p_memsz,
        executable=bool(entry.p_flags & EXECUTABLE_FLAG),
    )


def _check_loads(file: GuestFile, loads: list[_Load], memory_bytes: int) -> None:
    """`loads` come by ascending address."""
    for load in loads:
        if load.file_bytes > load.memory_bytes:
            sizes = f"{load.file_bytes} bytes in the file and {load.memory_bytes} in memory"
            raise _damaged(file, f"segment {load.index} has {sizes}")
        if load.physical < RAM_BASE:
            raise GuestError(
                f"{file.name}: segment {load.index} at 0x{load.physical:x} lies outside of "
                f"{ram_range(memory_bytes)}: link it for 0x{RAM_BASE:x}"
            )
        if load.end > RAM_BASE + memory_bytes:
            raise GuestError(
                f"{file.name}: segment {load.index} at 0x{load.physical:x} to 0x{load.end:x} lies outside of "
                f"{ram_range(memory_bytes)}: {advice_for_end(load.end)}"
            )
        if load.offset + load.file_bytes > file.size_bytes:
            raise GuestError(
                f"{file.name} is truncated: segment {load.index} ends at {load.offset + load.file_bytes} "
                f"and the file has {file.size_bytes} bytes; copy or build it again"
            )
    for lower, upper in pairwise(loads):
        if lower.end > upper.physical:
            raise GuestError(
                f"{file.name}: segments {lower.index} (0x{lower.physical:x} to 0x{lower.end:x}) and "
                f"{upper.index} (0x{upper.physical:x} to 0x{upper.end:x}) overlap: link it again"
            )


def _entry(file: GuestFile, entry: int, loads: list[_Load]) -> int:
    """The physical address of `entry`, which is virtual where segments have both, as in QEMU."""
    physical = entry
    for load in loads:
        if load.executable and load.virtual <= entry < load.virtual + load.memory_bytes:
            physical = entry - load.virtual + load.physical
            break
    if not any(load.physical <= physical < load.end for load in loads):
        raise GuestError(
            f"{file.name}: the entry 0x{entry:x} is in none of its segments: name a start symbol (ld -e)"
        )
    if physical % 2:
        raise GuestError(
            f"{file.name}: the entry 0x{entry:x} is odd, where no instruction can be: link it again"
        )
    return physical


def _parse(file: GuestFile, structure: Any, raw: bytes, complaint: str) -> Any:
    try:
        return struct_parse(structure, io.BytesIO(raw))
    except Exception as error:  # pyelftools raises what it likes on garbage
        raise _damaged(file, complaint) from error


def _damaged(file: GuestFile, complaint: str) -> GuestError:
    return GuestError(f"{file.name} is a damaged ELF, {complaint}: copy or build it again")
