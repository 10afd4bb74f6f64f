"""Native code is compiled once per version of the source, by one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from lockstep.errors import InternalError
from lockstep.machine.config import MachineConfig
from lockstep.native_cache import IMAGE_FILE, NATIVE_CACHE, NATIVE_CACHE_NOTE
from lockstep.native_image import IMAGE, has_image

UNUSED_DAYS_MAX = 14
_LOCK = "lock"
_POWER_OFF = (0x00100337, 0x000052B7, 0x55528293, 0x00532023)
"""lui t1, 0x100; lui t0, 5; addi t0, t0, 0x555; sw t0, 0(t1): tells the finisher to power off."""

Announce = Callable[[], AbstractContextManager[object]]
"""Entered while native code is compiled, which takes some twenty seconds."""


def ensure_compiled(
    announce: Announce, compile_all: Callable[[], None], warn: Callable[[str], None] = lambda line: None
) -> None:
    """Have everything that a run needs compiled and in the cache when this returns.

    `compile_all` calls all of it once. `warn` gets one line if the usual cache can't be used.
    """
    if NATIVE_CACHE_NOTE:
        warn(NATIVE_CACHE_NOTE)
    try:
        if IMAGE is None and not has_image(NATIVE_CACHE):
            with announce(), _locked(NATIVE_CACHE / _LOCK):
                # Whoever had the lock may have done the work.
                if not has_image(NATIVE_CACHE):
                    compile_all()
                    _save_image()
            remove_outdated(NATIVE_CACHE.parent, keep=NATIVE_CACHE)
        else:
            os.utime(NATIVE_CACHE / IMAGE_FILE)
    except OSError as error:
        raise InternalError(
            f"compiled code can't be kept in {NATIVE_CACHE}: {error.strerror}; "
            "free some room, or set LOCKSTEP_CACHE to another directory"
        ) from error


def _save_image() -> None:
    from lockstep.native import save_image

    save_image()


def remove_outdated(parent: Path, *, keep: Path, now_s: float | None = None) -> None:
    """Remove compiled code in `parent` that no run has used for UNUSED_DAYS_MAX days."""
    oldest_s = (time.time() if now_s is None else now_s) - UNUSED_DAYS_MAX * 86_400
    for directory in parent.iterdir():
        with contextlib.suppress(OSError):
            marker = directory / IMAGE_FILE
            used_s = (marker if marker.exists() else directory).stat().st_mtime
            if directory != keep and used_s < oldest_s and (directory / _LOCK).exists():
                with _locked(directory / _LOCK, wait=False):
                    shutil.rmtree(directory)


@contextlib.contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def warm_up() -> None:
    """Take a small machine through all that a run does."""
    from lockstep.machine.address import physical_address
    from lockstep.machine.checks import compare_check, make_check
    from lockstep.machine.disassembly import code_around
    from lockstep.machine.machine import Machine, Stop
    from lockstep.machine.translations import keep_translations, remember_translations

    program = b"".join(word.to_bytes(4, "little") for word in _POWER_OFF)
    machine = Machine(MachineConfig(memory_bytes=1 << 20, clock="virtual", guest=program))
    stop = machine.run()
    if stop != Stop.FINISHED:
        raise InternalError(f"a machine of four instructions ended with {stop.name}: native code is broken")
    machine.restore(machine.snapshot())
    remember_translations(machine.wires, keep_translations(machine.wires))
    machine.digest()
    _ = machine.next_event_ns, machine.has_arrivals, machine.has_output_room
    machine.announce_output()
    compare_check(machine.wires, make_check(machine.wires, 0, 1))
    code_around(machine, machine.pc)
    physical_address(machine, 0, machine.pc)
