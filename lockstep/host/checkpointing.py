"""Checkpoints for a trace: at a quiet point the host forks, and the child, frozen, writes the machine to a file."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable

from lockstep.host.entries import entry_counts
from lockstep.host.machine_state import write_machine
from lockstep.machine.machine import Machine

_WRITTEN, _FAILED = 0, 1


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A machine's state that is being written, and where in the run that is."""

    child: int
    """Process number of the copy that writes it."""
    ordinal: int
    """Of the next log entry."""
    position: int
    icount: int
    console_bytes: int
    at_s: float


def fork_checkpoint(
    machine: Machine, descriptor: int, leave: Callable[[], None] = lambda: None
) -> Checkpoint:
    """In the machine's thread, at a quiet point: have the state written to `descriptor`, which is closed.

    The child calls `leave` first. OSError if there is no process to be had.
    """
    at_s = time.monotonic()
    try:
        child = os.fork()
        if child == 0:
            _be_copy(machine, descriptor, leave)
    finally:
        os.close(descriptor)
    return Checkpoint(
        child=child,
        ordinal=sum(entry_counts(machine).values()),
        position=machine.position,
        icount=machine.icount,
        console_bytes=int(machine.board["console_bytes"]),
        at_s=at_s,
    )


def is_written(checkpoint: Checkpoint) -> bool | None:
    """Whether all of the state is in the file; None: it isn't known yet."""
    try:
        child, status = os.waitpid(checkpoint.child, os.WNOHANG)
    except ChildProcessError:
        return False
    return None if child == 0 else status == _WRITTEN


def _be_copy(machine: Machine, descriptor: int, leave: Callable[[], None]) -> None:
    """In the child, which has this one thread."""
    status = _FAILED
    try:
        leave()
        with contextlib.suppress(OSError), os.fdopen(os.dup(descriptor), "wb") as file:
            write_machine(machine, file)
            file.flush()
            status = _WRITTEN
    finally:
        os._exit(status)
