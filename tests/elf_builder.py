"""ELF files made to measure, field by field. Source: System V ABI, ELF-64 Object File Format."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

RAM = 0x8000_0000
HEADER = struct.Struct("<4sBBBBB7xHHIQQQIHHHHHH")
PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
PT_LOAD = 1
ET_REL, ET_EXEC, ET_DYN = 1, 2, 3
EM_386, EM_X86_64, EM_RISCV = 3, 62, 243


@dataclass(frozen=True)
class Load:
    """A program header and its data. What is None follows from the data."""

    physical: int = RAM
    data: bytes = b"\x6f\x00\x00\x00"  # j .
    memory_bytes: int | None = None
    file_bytes: int | None = None
    virtual: int | None = None
    offset: int | None = None
    kind: int = PT_LOAD
    flags: int = 7


@dataclass(frozen=True)
class Elf:
    """A file header and its segments."""

    loads: tuple[Load, ...] = field(default_factory=lambda: (Load(),))
    entry: int = RAM
    word_class: int = 2
    byte_order: int = 1
    kind: int = ET_EXEC
    machine: int = EM_RISCV
    header_count: int | None = None
    header_bytes: int = PROGRAM_HEADER.size
    header_offset: int = HEADER.size
    section_offset: int = 0
    section_count: int = 0

    def build(self) -> bytes:
        """The file: header, program headers, data of the segments."""
        count = len(self.loads) if self.header_count is None else self.header_count
        data_offset = HEADER.size + PROGRAM_HEADER.size * len(self.loads)
        table, body = b"", b""
        for load in self.loads:
            file_bytes = len(load.data) if load.file_bytes is None else load.file_bytes
            table += PROGRAM_HEADER.pack(
                load.kind,
                load.flags,
                data_offset + len(body) if load.offset is None else load.offset,
                load.physical if load.virtual is None else load.virtual,
                load.physical,
                file_bytes,
                file_bytes if load.memory_bytes is None else load.memory_bytes,
                4,
            )
            body += load.data
        header = HEADER.pack(
            *(b"\x7fELF", self.word_class, self.byte_order, 1, 0, 0),
            *(self.kind, self.machine, 1, self.entry, self.header_offset, self.section_offset, 0),
            *(HEADER.size, self.header_bytes, count, 64, self.section_count, 0),
        )
        return header + table + body
