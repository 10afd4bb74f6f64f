"""The machine's disks from what the command line says of them: FILE or FILE,ro."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from lockstep.errors import GuestError, UsageError
from lockstep.machine.config import Disk
from lockstep.machine.memory_map import DISKS_MAX

READ_ONLY = ",ro"


def choose_disks(wanted: tuple[str | Disk, ...]) -> tuple[Disk, ...]:
    """The disks that are `wanted`, in order; each a text as of `--disk`, or a disk that is known already.

    UsageError or GuestError, of one line, for the first that can't be one.
    """
    if not wanted:
        return ()
    if len(wanted) > DISKS_MAX:
        raise UsageError(f"{len(wanted)} disks are too many: give at most {DISKS_MAX}")
    disks = tuple(_disk(one) if isinstance(one, str) else one for one in wanted)
    _check_shared(disks)
    return disks


def _disk(text: str) -> Disk:
    """What `--disk` says. Only the end of it may be an option: the name itself may have commas."""
    from lockstep.machine.disks import find_disk

    name = text.removesuffix(READ_ONLY)
    if not name:
        raise UsageError(f"--disk {text!r} names no file: give one as d.img or d.img{READ_ONLY}")
    path = Path(name)
    mode = _status(path).st_mode
    if stat.S_ISDIR(mode):
        raise GuestError(f"the disk {path} is a directory: give a raw image or a block device")
    if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
        # Not opened: a pipe would wait for somebody at its other end.
        raise GuestError(f"the disk {path} is neither a file nor a block device: give a raw image")
    return find_disk(path, read_only=name != text)


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except FileNotFoundError:
        raise GuestError(f"the disk {path} doesn't exist: make one with truncate -s 256M FILE") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file has such a name"
        raise GuestError(f"the disk {path} can't be read: {reason}") from None


def _check_shared(disks: tuple[Disk, ...]) -> None:
    """UsageError if a file is there twice and one of them can write to it."""
    known: dict[tuple[int, int], Disk] = {}
    for disk in disks:
        status = _status(disk.path)
        # The same device has many names, each a file of its own.
        is_device = stat.S_ISBLK(status.st_mode)
        identity = (-1, status.st_rdev) if is_device else (status.st_dev, status.st_ino)
        other = known.setdefault(identity, disk)
        if other is not disk and not (other.read_only and disk.read_only):
            raise UsageError(
                f"{disk.path} is given as two disks: leave one out, or append {READ_ONLY} to both of them"
            )
