"""The guest's console at the command line: stdout, and --input or stdin."""

from __future__ import annotations

import os
import select
import stat
from dataclasses import dataclass
from pathlib import Path

from lockstep.errors import InternalError, UsageError

STDIN, STDOUT = 0, 1


def write_stdout(data: bytes) -> None:
    """All of `data`, raw and unbuffered. BrokenPipeError if nobody reads any more, else InternalError."""
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(STDOUT, left) :]
        except BlockingIOError:  # somebody made the pipe non-blocking
            select.select([], [STDOUT], [])
        except BrokenPipeError:
            raise
        except OSError as error:
            raise InternalError(f"the guest's output can't be written: {error.strerror}") from error


@dataclass(frozen=True)
class ConsoleInput:
    """Where console input comes from: bytes that are typed, or a descriptor that is read live."""

    typed: bytes = b""
    live: int | None = None


def choose_input(file: Path | None, clock: str) -> ConsoleInput:
    """Input from `file` or stdin. Under the virtual clock all of it is read now: it is part of what is run.

    A terminal gives nothing under the virtual clock: what is typed at it isn't known beforehand. UsageError
    if `file` can't be read.
    """
    if file is None:
        return _typed(STDIN, "stdin") if clock == "virtual" else _live(STDIN)
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise UsageError(f"--input {file} is a directory: give the path of a file")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"--input {file} can't be read: {reason}; check its path and permissions") from error
    return _typed(descriptor, f"--input {file}") if clock == "virtual" else ConsoleInput(live=descriptor)


def _typed(descriptor: int, name: str) -> ConsoleInput:
    try:
        if os.isatty(descriptor):
            return ConsoleInput()
        chunks = list(iter(lambda: os.read(descriptor, 1 << 20), b""))
    except OSError as error:
        if descriptor == STDIN:
            return ConsoleInput()  # closed
        raise UsageError(f"{name} can't be read: {error.strerror}") from error
    return ConsoleInput(typed=b"".join(chunks))


def _live(descriptor: int) -> ConsoleInput:
    try:
        os.fstat(descriptor)
    except OSError:
        return ConsoleInput()
    if os.isatty(descriptor):
        from lockstep.host.terminal import is_ours

        return ConsoleInput(live=descriptor if is_ours(descriptor) else None)
    return ConsoleInput(live=descriptor)
