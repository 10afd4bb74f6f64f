"""The user's cache directory: how it is written so that an interruption leaves nothing half
done.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lockstep.catalog.errors import FetchError

Progress = Callable[[str, float | None], None]
"""Called with what is being done and how far it is (0 to 1, None if unknown)."""

_CHUNK_BYTES = 1 << 20


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file so that a reader, now or after a crash, sees the old content or the new one and nothing
    between.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def cache_lock(directory: Path, progress: Progress) -> Iterator[None]:
    """Holds the cache's lock, waiting for the process that has it. The lock goes when its holder dies,
    however it dies.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = (directory / "fetch.lock").open("a")
    except OSError as error:
        raise FetchError(f"can't write to the cache {directory}: {error.strerror}") from error
    with file:
        # Programs that a fetch starts inherit the lock: one that outlives a killed fetch still writes here.
        os.set_inheritable(file.fileno(), True)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another lockstep fetch", None)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
