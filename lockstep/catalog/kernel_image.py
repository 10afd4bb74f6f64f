"""The kernel's file: from what Debian ships to a flat Image that is copied to memory as it is.

Source: Linux, Documentation/arch/riscv/boot-image-header.rst.
"""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass

from lockstep.catalog.errors import FetchError

_GZIP_MAGIC = b"\x1f\x8b"
_MAGIC2 = b"RSC\x05"
_HEADER = struct.Struct("<8xQQ8x8x8x8x4s4x")


@dataclass(frozen=True)
class ImageHeader:
    """What the first 64 bytes of an Image say."""

    text_offset_bytes: int
    """Where the Image wants to be, from the start of memory."""
    image_bytes: int
    """The memory that the kernel needs from there on, more than its file has."""


def read_image_header(image: bytes) -> ImageHeader:
    """The header of a flat riscv64 Image; a FetchError if it isn't one."""
    if len(image) >= _HEADER.size:
        text_offset_bytes, image_bytes, magic = _HEADER.unpack_from(image)
        if magic == _MAGIC2:
            return ImageHeader(text_offset_bytes, image_bytes)
    raise FetchError("the kernel is not a flat riscv64 Image: its header has no RSC magic")


def flat_image(kernel: bytes) -> bytes:
    """The flat Image in Debian's kernel file: that Image itself or, in some releases, a gzip of it."""
    image = gzip.decompress(kernel) if kernel.startswith(_GZIP_MAGIC) else kernel
    read_image_header(image)
    return image
