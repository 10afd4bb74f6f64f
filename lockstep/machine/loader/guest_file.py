"""Reading the guest's files, with a GuestError for all that can be wrong with a file."""

from __future__ import annotations

import hashlib
import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lockstep.errors import GuestError
from lockstep.machine.config import GuestSource

CHUNK_BYTES = 64 << 10


@dataclass(frozen=True)
class GuestFile:
    """An open file of the guest."""

    name: str
    """What messages call it: "kernel vmlinux"."""
    size_bytes: int
    stream: BinaryIO

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Exactly `size_bytes` from `offset`. Check `size_bytes` first: that much memory is taken."""
        if offset + size_bytes > self.size_bytes:
            raise GuestError(
                f"{self.name} is truncated: it needs {offset + size_bytes} bytes and has {self.size_bytes}; "
                "copy or build it again"
            )
        try:
            self.stream.seek(offset)
            data = self.stream.read(size_bytes)
        except OSError as error:
            raise _unreadable(self.name, error) from error
        if len(data) != size_bytes:
            raise GuestError(f"{self.name} became shorter while it was read: try again when it is complete")
        return data

    def head(self, size_bytes: int) -> bytes:
        """The first `size_bytes`, or all of a shorter file."""
        return self.read(0, min(size_bytes, self.size_bytes))

    def chunks(self) -> Iterator[bytes]:
        """The whole file, a piece at a time."""
        for offset in range(0, self.size_bytes, CHUNK_BYTES):
            yield self.read(offset, min(CHUNK_BYTES, self.size_bytes - offset))


@contextmanager
def open_guest_file(source: GuestSource, role: str) -> Iterator[GuestFile]:
    """Open `source`, called `role` in messages. GuestError unless it can be read and isn't empty."""
    if isinstance(source, bytes):
        yield _not_empty(GuestFile(role, len(source), io.BytesIO(source)))
        return
    name = f"{role} {printable(source)}"
    try:
        # Looked at before it is opened: opening a pipe that nobody writes to waits for ever.
        mode = source.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise GuestError(f"{name} is {kind}: give the path of a file")
        stream = source.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise _unreadable(name, error) from error
    with stream:
        yield _not_empty(GuestFile(name, stream.seek(0, io.SEEK_END), stream))


def sha256_of(files: list[GuestFile]) -> str:
    """The SHA-256 of the files' bytes, one after the other, in hexadecimal."""
    digest = hashlib.sha256()
    for file in files:
        for chunk in file.chunks():
            digest.update(chunk)
    return digest.hexdigest()


def printable(path: Path) -> str:
    """`path` on one line, whatever is in its name."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def _not_empty(file: GuestFile) -> GuestFile:
    if not file.size_bytes:
        raise GuestError(f"{file.name} is empty: give a file with a guest in it")
    return file


def _unreadable(name: str, error: OSError | ValueError) -> GuestError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return GuestError(f"{name} can't be read: {reason}; check the path and its permissions")
