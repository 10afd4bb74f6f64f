"""Raw and Linux images, plain and in gzip."""

from __future__ import annotations

import gzip
import struct
import tracemalloc

import pytest

from lockstep.errors import GuestError
from lockstep.machine.loader.guest_file import open_guest_file
from lockstep.machine.loader.image import LinuxHeader, linux_header, load_image, unpack_gzip
from lockstep.machine.loader.program import Program

RAM, KERNEL = 0x8000_0000, 0x8020_0000
MEMORY_BYTES = 8 << 20


def linux_image(
    image_bytes: int = 0x3000, text_offset_bytes: int = 0x20_0000, body: bytes = b"body"
) -> bytes:
    """By the table of boot-image-header.rst: code0/1, text_offset, image_size, flags, version, magics."""
    return struct.pack(
        "<IIQQQIIQQII", 0x6F, 0, text_offset_bytes, image_bytes, 0, 2, 0, 0, 0x5643534952, 0x05435352, 0
    ) + (body)


def load(data: bytes, address: int = KERNEL) -> Program:
    with open_guest_file(data, "kernel") as file:
        return load_image(file, address, MEMORY_BYTES)


def unpack(data: bytes, room_bytes: int = MEMORY_BYTES) -> bytes:
    with open_guest_file(data, "kernel") as file:
        unpacked = unpack_gzip(file, room_bytes)
        return unpacked.read(0, unpacked.size_bytes)


def test_a_raw_image_starts_where_it_lies() -> None:
    program = load(b"\x13\0\0\0" * 3, RAM)
    assert program.entry == program.start == RAM
    assert program.end == RAM + 12


def test_a_linux_image_takes_the_memory_that_its_header_says() -> None:
    program = load(linux_image(0x3000))
    assert (program.entry, program.end) == (KERNEL, KERNEL + 0x3000)
    assert program.segments[0].data == linux_image(0x3000)


def test_the_file_counts_where_the_header_says_less() -> None:
    assert load(linux_image(0)).end == KERNEL + len(linux_image())


def test_the_linux_header_is_known_by_its_magic() -> None:
    assert linux_header(linux_image(5, 6)) == LinuxHeader(text_offset_bytes=6, image_bytes=5)
    assert linux_header(linux_image()[:63]) is None
    assert linux_header(bytes(64)) is None


def test_a_supervisor_kernel_without_firmware_is_refused() -> None:
    with pytest.raises(GuestError, match=r"runs on top of firmware: give --bios"):
        load(linux_image(), RAM)
    assert load(linux_image(text_offset_bytes=0), RAM).entry == RAM


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (linux_image(MEMORY_BYTES), "give --memory 16M"),
        (linux_image(2**63), "no machine has that much memory"),
        (bytes(MEMORY_BYTES), "give --memory 16M"),
    ],
)
def test_larger_than_memory(data: bytes, advice: str) -> None:
    with pytest.raises(GuestError, match=rf"more than RAM \(0x80000000 to 0x80800000\): {advice}"):
        load(data)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"\xfd7zXZ\0", "compressed with xz"),
        (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
        (b"\x27\x05\x19\x56", "a U-Boot uImage"),
        (b"\xd0\x0d\xfe\xed", "a device tree or FIT image"),
        (b"MZ\0\0zimg", "a compressed EFI kernel"),
    ],
)
def test_known_files_that_are_no_machine_code(head: bytes, what: str) -> None:
    with pytest.raises(GuestError, match=f"kernel is {what}"):
        load(head + bytes(100))


def test_gzip_is_unpacked() -> None:
    assert unpack(gzip.compress(linux_image(), mtime=0)) == linux_image()
    assert unpack(gzip.compress(bytes(1000), mtime=0), 1000) == bytes(1000)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(bytes(1001), mtime=0), "more than fits in memory"),
        (gzip.compress(bytes(100 << 20), mtime=0), "more than fits in memory"),
        (gzip.compress(b"guest", mtime=0)[:-9], "truncated gzip"),
        (gzip.compress(b"guest", mtime=0)[:-8] + bytes(8), "damaged gzip"),
        (gzip.compress(b"guest", mtime=0)[:10] + b"\xff" * 20, "damaged gzip"),
        (gzip.compress(b"", mtime=0), "empty once unpacked"),
    ],
)
def test_gzip_that_is_too_large_or_broken(data: bytes, message: str) -> None:
    with pytest.raises(GuestError, match=message):
        unpack(data, 1000)


def test_a_small_file_that_unpacks_to_much_takes_little_memory() -> None:
    bomb = gzip.compress(bytes(100 << 20), mtime=0)
    tracemalloc.start()
    with pytest.raises(GuestError, match="more than fits in memory"):
        unpack(bomb, 1 << 20)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 2 << 20


def test_no_room_at_all() -> None:
    with pytest.raises(GuestError, match="more than fits in memory"):
        unpack(gzip.compress(b"x", mtime=0), -1)
