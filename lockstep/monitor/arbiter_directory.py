"""Where an arbiter of this machine keeps its record: a directory that lives as long as its monitor."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "lockstep-arbiter-"
_LOCK = "lock"


@contextlib.contextmanager
def arbiter_directory(parent: Path | None = None) -> Iterator[Path]:
    """A new directory in `parent` (default: for temporary files), removed at the end.

    A monitor that was killed leaves its own behind; the lock that it held tells the next one so.
    """
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    _remove_left_behind(parent)
    # It gets its name once it is locked: until then nobody takes it for left behind.
    new = Path(tempfile.mkdtemp(prefix="lockstep-new-", dir=parent))
    descriptor = os.open(new / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    directory = new
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        directory = new.rename(parent / new.name.replace("lockstep-new-", _PREFIX))
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(descriptor)


def _remove_left_behind(parent: Path) -> None:
    for directory in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if directory.stat().st_uid != os.getuid():
                continue
            descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(directory, ignore_errors=True)
            finally:
                os.close(descriptor)
