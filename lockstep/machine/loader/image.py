"""Raw images, Linux's Image among them, plain or compressed with gzip.

Source: Linux, Documentation/arch/riscv/boot-image-header.rst.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from lockstep.errors import GuestError
from lockstep.machine.loader.guest_file import CHUNK_BYTES, GuestFile
from lockstep.machine.loader.program import Program, Segment
from lockstep.machine.loader.room import advice_for_end, ram_range
from lockstep.machine.memory_map import RAM_BASE

GZIP_MAGIC = b"\x1f\x8b\x08"
_GZIP_WINDOW_BITS = 31
_LINUX_MAGIC = b"RSC\x05"
_LINUX_HEADER = struct.Struct("<8xQQ32x4s4x")

# What people give by mistake and would only fail as machine code: where its magic is, and what to do.
_FOREIGN = (
    (0, b"\xfd7zXZ\0", "compressed with xz: unpack it first"),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd: unpack it first"),
    (0, b"\x27\x05\x19\x56", "a U-Boot uImage: give the kernel that is in it"),
    (0, b"\xd0\x0d\xfe\xed", "a device tree or FIT image: give the kernel that is in it"),
    (4, b"zimg", "a compressed EFI kernel: give the Image that is in it"),
)
HEAD_BYTES = 64


@dataclass(frozen=True)
class LinuxHeader:
    """What the header of Linux's Image says."""

    text_offset_bytes: int
    """Where it wants to be, from the start of RAM."""
    image_bytes: int
    """All the memory that it takes from there on, or 0 in old kernels."""


def linux_header(head: bytes) -> LinuxHeader | None:
    """The Linux header at the start of `head`, if there is one."""
    if len(head) < _LINUX_HEADER.size:
        return None
    text_offset_bytes, image_bytes, magic = _LINUX_HEADER.unpack_from(head)
    return LinuxHeader(text_offset_bytes, image_bytes) if magic == _LINUX_MAGIC else None


def load_image(file: GuestFile, address: int, memory_bytes: int) -> Program:
    """The image in `file` at `address`, which is where it starts. GuestError if it doesn't fit in RAM."""
    head = file.head(HEAD_BYTES)
    for offset, magic, what in _FOREIGN:
        if head[offset : offset + len(magic)] == magic:
            raise GuestError(f"{file.name} is {what}")
    header = linux_header(head)
    size_bytes = max(file.size_bytes, header.image_bytes if header else 0)
    if header and header.text_offset_bytes and address == RAM_BASE:
        raise GuestError(
            f"{file.name} is a Linux kernel that runs on top of firmware: "
            "give --bios (OpenSBI's fw_jump.bin) as well"
        )
    check_fits(file.name, address, size_bytes, memory_bytes)
    segment = Segment(file.name, address, file.read(0, file.size_bytes), size_bytes - file.size_bytes)
    return Program((segment,), address)


def check_fits(name: str, address: int, size_bytes: int, memory_bytes: int) -> None:
    """GuestError unless `size_bytes` at `address` end within RAM."""
    end = address + size_bytes
    if end > RAM_BASE + memory_bytes:
        raise GuestError(
            f"{name} takes 0x{address:x} to 0x{end:x}, more than {ram_range(memory_bytes)}: "
            f"{advice_for_end(end)}"
        )


def unpack_gzip(file: GuestFile, room_bytes: int) -> GuestFile:
    """What is in gzip `file`, at most `room_bytes`. GuestError if it is more, damaged or truncated."""
    pieces = []
    left_bytes = room_bytes
    for piece in _unpacked(file):
        pieces.append(piece)
        left_bytes -= len(piece)
        if left_bytes < 0:
            raise GuestError(f"{file.name} unpacks to more than fits in memory: give more --memory")
    unpacked = b"".join(pieces)
    if not unpacked:
        raise GuestError(f"{file.name} is empty once unpacked: give a file with a guest in it")
    return GuestFile(file.name, len(unpacked), io.BytesIO(unpacked))


def _unpacked(file: GuestFile) -> Iterator[bytes]:
    """What is in gzip `file`, in pieces of at most CHUNK_BYTES, however well it is packed."""
    unpacker = zlib.decompressobj(_GZIP_WINDOW_BITS)
    try:
        for packed in file.chunks():
            while packed and not unpacker.eof:
                yield unpacker.decompress(packed, CHUNK_BYTES)
                packed = unpacker.unconsumed_tail
        # zlib may hold back what it has no room for after the last input.
        while not unpacker.eof and (piece := unpacker.decompress(b"", CHUNK_BYTES)):
            yield piece
    except zlib.error as error:
        raise GuestError(f"{file.name} is a damaged gzip file ({error}): copy or build it again") from error
    if not unpacker.eof:
        raise GuestError(f"{file.name} is a truncated gzip file: copy or build it again")
