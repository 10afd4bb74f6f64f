"""Every way in which an ELF can be unfit to run, and what a fit one comes to."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from elf_builder import EM_386, EM_X86_64, ET_DYN, ET_REL, RAM, Elf, Load

from lockstep.errors import GuestError
from lockstep.machine.loader.elf import load_elf
from lockstep.machine.loader.guest_file import open_guest_file
from lockstep.machine.loader.program import Program

MEMORY_BYTES = 16 << 20
RAM_END = RAM + MEMORY_BYTES


def load(data: bytes, **options: bool) -> Program:
    with open_guest_file(data, "guest") as file:
        return load_elf(file, MEMORY_BYTES, **options)


def test_segments_lie_at_their_physical_addresses_with_their_zeros() -> None:
    program = load(
        Elf((Load(RAM + 0x2000, b"data", memory_bytes=100), Load(RAM, b"code")), entry=RAM + 2).build()
    )
    lower, upper = program.segments
    assert (lower.address, lower.data, lower.zero_bytes) == (RAM, b"code", 0)
    assert (upper.address, upper.data, upper.zero_bytes) == (RAM + 0x2000, b"data", 96)
    assert (program.entry, program.start, program.end) == (RAM + 2, RAM, RAM + 0x2000 + 100)


def test_an_entry_at_a_virtual_address_is_translated() -> None:
    high = 0xFFFF_FFFF_8000_0000
    program = load(Elf((Load(RAM + 0x1000, b"codecode", virtual=high),), entry=high + 4).build())
    assert program.entry == RAM + 0x1004


def test_other_program_headers_are_passed_over() -> None:
    note = Load(0, b"junk", kind=4, memory_bytes=0)
    assert len(load(Elf((note, Load())).build()).segments) == 1


def test_a_segment_that_ends_with_ram_fits() -> None:
    assert load(Elf((Load(), Load(RAM_END - 4))).build()).end == RAM_END


def test_self_relocating_firmware_is_taken_where_asked() -> None:
    assert load(Elf(kind=ET_DYN).build(), may_relocate_itself=True).entry == RAM


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x7fELF", r"truncated: it needs 64 bytes and has 4"),
        (Elf().build()[:100], r"truncated: it needs 120 bytes and has 100"),
        (Elf((Load(data=bytes(100)),)).build()[:-1], r"truncated: segment 0 ends at 220 .* 219 bytes"),
        (Elf(section_offset=100, section_count=9).build(), r"truncated: its sections end at 676"),
        (Elf(word_class=1, machine=EM_386).build(), r"32-bit little-endian Intel 80386.*riscv64"),
        (Elf(word_class=1).build(), r"32-bit little-endian RISC-V, not for 64-bit.*riscv64"),
        (Elf(byte_order=2).build(), r"64-bit big-endian .*riscv64"),
        (Elf(machine=EM_X86_64).build(), r"X86-64, not for .*riscv64"),
        (Elf(machine=0xFEED).build(), r"machine 65261, not for .*riscv64"),
        (Elf(word_class=7).build(), r"damaged ELF, it is of no known class"),
        (Elf(byte_order=0).build(), r"damaged ELF, it is of no known class or byte order"),
        (Elf(kind=ET_REL).build(), r"is an object file, not an executable: link it"),
        (Elf(kind=ET_DYN).build(), r"is a shared object .*-no-pie"),
        (Elf(kind=0x1234).build(), r"of an unknown type"),
        (Elf(()).build(), r"no program headers"),
        (Elf((Load(kind=4),)).build(), r"no loadable segments"),
        (Elf((Load(data=b""),)).build(), r"no loadable segments"),
        (Elf(header_count=0xFFFF).build(), r"65535 program headers, more than 1024"),
        (Elf(header_bytes=32).build(), r"program headers have 32 bytes"),
        (Elf(header_offset=2**63).build(), r"truncated"),
        (Elf((Load(memory_bytes=2),)).build(), r"segment 0 has 4 bytes in the file and 2 in memory"),
        (
            Elf((Load(RAM, bytes(16)), Load(RAM + 15))).build(),
            r"segments 0 \(0x80000000 to 0x80000010\) and 1 \(0x8000000f to 0x80000013\) overlap",
        ),
        (Elf((Load(), Load(0x1000))).build(), r"segment 1 at 0x1000 lies outside of RAM .*link it for"),
        (
            Elf((Load(), Load(RAM_END - 2))).build(),
            r"0x80fffffe to 0x81000002 .*RAM \(0x80000000 to 0x81000000\): give --memory 32M",
        ),
        (Elf((Load(), Load(RAM + (32 << 20) - 4))).build(), r"give --memory 64M"),
        (Elf((Load(memory_bytes=2**60),)).build(), r"no machine has that much memory, the largest has 64G"),
        (Elf((Load(2**64 - 2),)).build(), r"outside of RAM"),
        (Elf(entry=RAM + 4).build(), r"entry 0x80000004 is in none of its segments"),
        (Elf(entry=RAM + 1).build(), r"entry 0x80000001 is odd"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(GuestError, match=message) as caught:
        load(data)
    text = str(caught.value)
    assert text.startswith("guest")
    assert "\n" not in text


def test_a_claim_of_much_memory_takes_none() -> None:
    huge = Load(memory_bytes=2**60, file_bytes=2**60)
    tracemalloc.start()
    with pytest.raises(GuestError):
        load(Elf((huge,)).build())
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 1 << 20


def test_the_bundled_guests_load() -> None:
    guests = sorted((Path(__file__).parents[4] / "guests").glob("*.elf"))
    assert guests
    for path in guests:
        with open_guest_file(path, "guest") as file:
            program = load_elf(file, MEMORY_BYTES * 8)
        assert program.start == RAM, path
