"""Checkpoints for a trace: at a quiet point the host forks, and the child, frozen, writes the machine to a file."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable

from lockstep.host.entries import entry_counts
from lockstep.host.machine_state import write_machine
from lockstep.host.messages import Place
from lockstep.machine.machine import Machine

_WRITTEN, _FAILED = 0, 1


CHECKPOINT_SHARE = 1 / 8
"""Of the time since the start: how far apart checkpoints are in a long run. So their number grows slowly."""


class CheckpointSchedule:
    """When to write a checkpoint."""

    def __init__(self, every_s: float | None, started_at_s: float) -> None:
        """None: never."""
        self._every_s = every_s
        self._started_at_s = self._last_s = started_at_s

    def take(self, now_s: float) -> bool:
        """Whether one is due at `now_s`; then the next one is due as long after it as it should be."""
        if self._every_s is None:
            return False
        if now_s - self._last_s < max(self._every_s, (now_s - self._started_at_s) * CHECKPOINT_SHARE):
            return False
        self._last_s = now_s
        return True


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A machine's state that is being written."""

    child: int
    """Process number of the copy that writes it."""
    place: Place


def fork_checkpoint(
    machine: Machine, descriptor: int, leave: Callable[[], None] = lambda: None
) -> Checkpoint:
    """In the machine's thread, at a quiet point: have the state written to `descriptor`, which stays open here.

    The child calls `leave` first. OSError if there is no process to be had.
    """
    place = Place(
        ordinal=sum(entry_counts(machine).values()),
        position=machine.position,
        icount=machine.icount,
        console_bytes=int(machine.board["console_bytes"]),
        at_s=time.monotonic(),
    )
    child = os.fork()
    if child == 0:
        _be_copy(machine, descriptor, leave)
    return Checkpoint(child, place)


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
