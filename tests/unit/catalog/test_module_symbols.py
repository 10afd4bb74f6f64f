"""A kernel module loses its labels, and nothing that the kernel reads."""

from __future__ import annotations

import io
import struct

from elftools.elf.elffile import ELFFile

from lockstep.catalog.module_symbols import without_debug_symbols

PROGBITS, SYMTAB, STRTAB, RELA, NOBITS = 1, 2, 3, 4, 8
ALLOC = 2
TEXT = bytes(range(64))

# Name, value, whether it is global. The first is the null symbol, as in every table.
SYMBOLS = (
    ("", 0, False),
    *((f".L{number}", number, False) for number in range(50)),
    ("helper", 8, False),
    ("init_module", 16, True),
    ("printk", 0, True),
)
# Offset in .text, type, symbol, addend.
RELOCATIONS = ((4, 19, 53, 0), (8, 23, 7, 4), (12, 24, 7, 0), (20, 19, 51, -8))


def make_module() -> bytes:
    """A relocatable object with code, relocations, type information and symbols."""
    names, symbols = bytearray(b"\0"), b""
    for name, value, is_global in SYMBOLS:
        symbols += struct.pack("<IBBHQQ", len(names) if name else 0, is_global << 4, 0, 1, value, 0)
        names += name.encode() + b"\0" if name else b""
    relocations = b"".join(
        struct.pack("<QIIq", at, kind, symbol, add) for at, kind, symbol, add in RELOCATIONS
    )
    first_global = sum(not is_global for _, _, is_global in SYMBOLS)
    # Name, type, flags, content, link, info, alignment, bytes of an entry.
    sections: list[tuple[str, int, int, bytes, int, int, int, int]] = [
        ("", 0, 0, b"", 0, 0, 0, 0),
        (".text", PROGBITS, ALLOC | 4, TEXT, 0, 0, 16, 0),
        (".rela.text", RELA, 0, relocations, 5, 1, 8, 24),
        (".bss", NOBITS, ALLOC, b"", 0, 0, 8, 0),
        (".BTF", PROGBITS, 0, b"types" * 100, 0, 0, 1, 0),
        (".symtab", SYMTAB, 0, symbols, 6, first_global, 8, 24),
        (".strtab", STRTAB, 0, bytes(names), 0, 0, 1, 0),
    ]
    section_names = "\0".join(name for name, *_ in sections).encode() + b"\0.shstrtab\0"
    sections.append((".shstrtab", STRTAB, 0, section_names, 0, 0, 1, 0))
    body, headers = bytearray(64), b""
    for name, kind, flags, content, link, info, alignment, entry_bytes in sections:
        body += bytes(-len(body) % max(alignment, 1))
        place = section_names.index(name.encode() + b"\0") if name else 0
        size = 0x1000 if kind == NOBITS else len(content)
        headers += struct.pack(
            "<IIQQQQIIQQ", place, kind, flags, 0, len(body), size, link, info, alignment, entry_bytes
        )
        body += content
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    counts = (64, 0, 0, 64, len(sections), len(sections) - 1)
    header = struct.pack("<16sHHIQQQIHHHHHH", identity, 1, 243, 1, 0, 0, len(body), 5, *counts)
    return header + body[64:] + headers + b"signature~Module signature appended~\n"


def relocations_by_name(elf: ELFFile) -> list[tuple[int, int, str, int, int]]:
    symbols = elf.get_section_by_name(".symtab")
    found = []
    for relocation in elf.get_section_by_name(".rela.text").iter_relocations():
        symbol = symbols.get_symbol(relocation["r_info_sym"])
        place = (relocation["r_offset"], relocation["r_info_type"])
        found.append((*place, symbol.name, symbol["st_value"], relocation["r_addend"]))
    return found


def test_only_labels_that_nothing_names_are_dropped() -> None:
    before, after = make_module(), without_debug_symbols(make_module())
    whole, smaller = ELFFile(io.BytesIO(before)), ELFFile(io.BytesIO(after))
    assert relocations_by_name(smaller) == relocations_by_name(whole)
    names = [symbol.name for symbol in smaller.get_section_by_name(".symtab").iter_symbols()]
    assert names == ["", ".L6", "helper", "init_module", "printk"]
    assert smaller.get_section_by_name(".symtab")["sh_info"] == 3, "the first global symbol"


def test_sections_stay_what_and_where_they_were_but_for_type_information() -> None:
    whole, smaller = (
        ELFFile(io.BytesIO(module)) for module in (make_module(), without_debug_symbols(make_module()))
    )
    assert [section.name for section in smaller.iter_sections()] == [
        section.name for section in whole.iter_sections()
    ]
    assert smaller.get_section_by_name(".text").data() == TEXT
    assert smaller.get_section_by_name(".BTF").data_size == 0
    assert smaller.get_section_by_name(".bss")["sh_size"] == 0x1000
    for section in smaller.iter_sections():
        assert section["sh_offset"] % max(section["sh_addralign"], 1) == 0, section.name


def test_signature_goes_since_it_would_no_longer_hold() -> None:
    assert b"signature" not in without_debug_symbols(make_module())


def test_twice_is_once() -> None:
    once = without_debug_symbols(make_module())
    assert without_debug_symbols(once) == once


def test_what_is_no_object_stays_as_it_is() -> None:
    for data in (b"", b"\0depends=virtio\0", b"\x7fELF\x01\x01" + bytes(100)):
        assert without_debug_symbols(data) == data
