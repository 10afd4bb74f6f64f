"""What is on a disk before a run: read piece by piece for the run's trace, and put together again for a replay.

Pieces that are all zeros are left out, and holes of a file aren't even read: what costs time is what was ever written.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from lockstep.machine.config import Disk

PIECE_BYTES = 2 << 20
"""A piece starts at a multiple of this, so that the same content is the same pieces wherever it is kept."""


def disk_pieces(file: int, size_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Offset and content of the pieces, but for zeros, of the `size_bytes` behind a descriptor. OSError: unreadable."""
    offset = 0
    while (offset := _next_data(file, offset, size_bytes)) < size_bytes:
        piece = _read(file, offset, min(PIECE_BYTES, size_bytes - offset))
        if np.frombuffer(piece, np.uint64).any():
            yield offset, piece
        offset += PIECE_BYTES


def _next_data(file: int, offset: int, size_bytes: int) -> int:
    """Where the piece starts that has the first byte from `offset` on that isn't in a hole."""
    if offset >= size_bytes:
        return size_bytes
    try:
        return os.lseek(file, offset, os.SEEK_DATA) // PIECE_BYTES * PIECE_BYTES
    except OSError as error:
        # Block devices and some file systems don't know of holes.
        return size_bytes if error.errno == errno.ENXIO else offset


def _read(file: int, offset: int, length: int) -> bytes:
    parts = []
    while length:
        part = os.pread(file, length, offset)
        if not part:
            raise OSError(errno.EIO, "a disk became shorter while it was read")
        parts.append(part)
        offset, length = offset + len(part), length - len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def disk_sha256(file: int, size_bytes: int) -> str:
    """Hexadecimal SHA-256 over size, and offset and content of each piece: not what sha256sum has to say.

    OSError: it can't be read.
    """
    hasher = hashlib.sha256(size_bytes.to_bytes(8, "little"))
    for offset, piece in disk_pieces(file, size_bytes):
        hasher.update(offset.to_bytes(8, "little"))
        hasher.update(piece)
    return hasher.hexdigest()


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeldDisk(Disk):
    """A disk in a file that may have no name: its path leads to the open file."""

    content: BinaryIO
    """As long as this is there, so is the path."""


def held_disk(content: BinaryIO, *, size_bytes: int, read_only: bool) -> HeldDisk:
    """The disk that is in an open file."""
    path = Path(f"/proc/self/fd/{content.fileno()}")
    return HeldDisk(path=path, size_bytes=size_bytes, read_only=read_only, content=content)


def build_disk(pieces: Iterable[tuple[int, bytes]], size_bytes: int) -> BinaryIO:
    """A file without a name of `size_bytes` with these pieces, and zeros elsewhere. OSError: there is no room."""
    with tempfile.TemporaryFile(prefix="lockstep-disk-") as file:
        file.truncate(size_bytes)
        for offset, piece in pieces:
            file.seek(offset)
            file.write(piece)
        file.flush()
        return os.fdopen(os.dup(file.fileno()), "r+b")
