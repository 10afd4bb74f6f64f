"""Kernel modules without the symbols that only a debugger wants.

Debian's riscv64 modules keep the assembler's local labels: ext4 has 212,000, more than its code takes, and the
guest would hash, copy and walk them all at each boot. What is dropped here is what `strip` can drop from a
relocatable object: labels (`.L…`) that no relocation names, type information (`.BTF`) and, since it no longer
fits, the signature. Source: System V ABI, "ELF-64 Object File Format".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_HEADER_BYTES = 64
_SECTION_TABLE = struct.Struct("<40xQ10xHHH")
"""In the ELF header: where the section headers are, their size, their number, the one with their names."""
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QIIq")
_TYPE_SYMBOLS, _TYPE_RELOCATIONS, _TYPE_NO_BITS = 2, 4, 8
_TABLE_ALIGNMENT_BYTES = 8


@dataclass
class _Section:
    """A section's header, in the file's order of fields, and its content."""

    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_bytes: int
    content: bytes = b""


def without_debug_symbols(module: bytes) -> bytes:
    """The module, smaller. What isn't a little-endian 64-bit ELF object with one symbol table comes back as it is."""
    if not module.startswith(b"\x7fELF\x02\x01"):
        return module
    sections = _read_sections(module)
    tables = [section for section in sections if section.kind == _TYPE_SYMBOLS]
    if len(tables) != 1:
        return module
    _drop_labels(sections, tables[0])
    names = sections[_SECTION_TABLE.unpack_from(module)[3]].content
    for section in sections:
        if _text_at(names, section.name) == b".BTF":
            section.content = b""
    return _write(module[:_HEADER_BYTES], sections)


def _read_sections(module: bytes) -> list[_Section]:
    table_offset, _, count, _ = _SECTION_TABLE.unpack_from(module)
    sections = [
        _Section(*_SECTION.unpack_from(module, table_offset + index * _SECTION.size))
        for index in range(count)
    ]
    for section in sections:
        if section.kind != _TYPE_NO_BITS:
            section.content = module[section.offset : section.offset + section.size]
    return sections


def _drop_labels(sections: list[_Section], table: _Section) -> None:
    """Symbols and their names are written anew, and the relocations' references to them are renumbered."""
    relocated = [section for section in sections if section.kind == _TYPE_RELOCATIONS]
    used = {symbol for section in relocated for _, _, symbol, _ in _RELOCATION.iter_unpack(section.content)}
    names = sections[table.link].content
    kept_symbols, kept_names = bytearray(), bytearray(b"\0")
    new_index: dict[int, int] = {}
    for index, (name, *fields) in enumerate(_SYMBOL.iter_unpack(table.content)):
        if index not in used and names.startswith(b".L", name):
            continue
        new_index[index] = len(new_index)
        text = _text_at(names, name)
        kept_symbols += _SYMBOL.pack(len(kept_names) if text else 0, *fields)
        kept_names += text + b"\0" if text else b""
    # A symbol table's `info` is the index of its first symbol that isn't local.
    table.info = sum(index < table.info for index in new_index)
    table.content, sections[table.link].content = bytes(kept_symbols), bytes(kept_names)
    for section in relocated:
        section.content = b"".join(
            _RELOCATION.pack(offset, kind, new_index[symbol], addend)
            for offset, kind, symbol, addend in _RELOCATION.iter_unpack(section.content)
        )


def _text_at(names: bytes, offset: int) -> bytes:
    return names[offset : names.index(b"\0", offset)]


def _write(header: bytes, sections: list[_Section]) -> bytes:
    """The object with its sections one after another, and their headers behind them."""
    data = bytearray(header)
    for section in sections:
        data += bytes(-len(data) % max(section.alignment, 1))
        section.offset = len(data) if section.kind else 0
        if section.kind != _TYPE_NO_BITS:
            section.size = len(section.content)
        data += section.content
    data += bytes(-len(data) % _TABLE_ALIGNMENT_BYTES)
    struct.pack_into("<Q", data, 40, len(data))
    for section in sections:
        fields = (section.name, section.kind, section.flags, section.address, section.offset, section.size)
        data += _SECTION.pack(*fields, section.link, section.info, section.alignment, section.entry_bytes)
    return bytes(data)
