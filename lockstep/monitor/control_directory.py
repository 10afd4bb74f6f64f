"""Where the control sockets of this user's pairs are: a directory that nobody else may enter.

$XDG_RUNTIME_DIR/lockstep, else /tmp/lockstep-UID. One socket per pair, NAME.sock. Whoever makes or removes one holds
a lock on the directory.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from lockstep.errors import InternalError

SUFFIX = ".sock"
NAME_LENGTH_MAX = 40
_UNFIT = re.compile(r"[^A-Za-z0-9._+-]+")


def control_directory(environment: Mapping[str, str] | None = None) -> Path:
    """Where it is; it may not exist."""
    runtime = (os.environ if environment is None else environment).get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime) and os.path.isdir(runtime):
        return Path(runtime) / "lockstep"
    return Path(f"/tmp/lockstep-{os.geteuid()}")


def open_directory(path: Path, *, make: bool) -> int | None:
    """A descriptor of the directory at `path`; None: there is none, and it isn't to be made.

    InternalError unless it is this user's alone.
    """
    try:
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, 0o700)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        if make:
            raise InternalError(f"{path} can't be made: there is no {path.parent}") from None
        return None
    except OSError as error:
        raise InternalError(f"{path} can't be used for control sockets: {error.strerror}") from None
    status = os.fstat(descriptor)
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid != os.geteuid() or mode & 0o077:
        os.close(descriptor)
        raise InternalError(
            f"{path} must be yours alone, and belongs to user {status.st_uid} with mode {mode:o}: "
            "remove it, or set XDG_RUNTIME_DIR"
        )
    return descriptor


@contextlib.contextmanager
def locked(directory: int) -> Iterator[None]:
    """Within, nobody else makes or removes sockets."""
    fcntl.flock(directory, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(directory, fcntl.LOCK_UN)


def socket_path(directory: int, name: str) -> str:
    """The socket's path, as short as a socket's must be, whatever the directory's is."""
    return f"/proc/self/fd/{directory}/{name}{SUFFIX}"


def connect(directory: int, name: str) -> socket.socket | None:
    """A connection to the pair `name`, which blocks; None: there is none, or its monitor is dead."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        connection.connect(socket_path(directory, name))
    except BlockingIOError:
        connection.close()
        raise InternalError(f"the pair {name} takes no more connections just now: try again") from None
    except OSError as error:
        connection.close()
        if error.errno in (errno.ECONNREFUSED, errno.ENOENT):
            return None
        raise InternalError(f"the pair {name} can't be reached: {error.strerror}") from None
    connection.setblocking(True)
    return connection


def claim(directory: int, guest: str) -> tuple[str, socket.socket]:
    """A name for a pair that runs `guest`, and its socket, listening. OSError if that can't be made."""
    base = _UNFIT.sub("_", guest)[:NAME_LENGTH_MAX].lstrip(".-") or "guest"
    with locked(directory):
        taken = set(names(directory))
        number = 1
        while (name := base if number == 1 else f"{base}-{number}") in taken and _is_alive(directory, name):
            number += 1
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name + SUFFIX, dir_fd=directory)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.fchmod(listener.fileno(), 0o600)  # the mode that bind gives to the file
            listener.bind(socket_path(directory, name))
            listener.listen(64)
        except OSError:
            listener.close()
            raise
    return name, listener


def names(directory: int) -> list[str]:
    """The names of all sockets there, sorted; monitors of some may be dead."""
    return sorted(entry.removesuffix(SUFFIX) for entry in os.listdir(directory) if entry.endswith(SUFFIX))


def remove_stale(directory: int) -> None:
    """Remove the sockets of monitors that are dead."""
    with locked(directory):
        for name in names(directory):
            if not _is_alive(directory, name):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name + SUFFIX, dir_fd=directory)


def _is_alive(directory: int, name: str) -> bool:
    try:
        connection = connect(directory, name)
    except InternalError:
        return True  # something is there
    if connection is None:
        return False
    connection.close()
    return True
