"""The disks of the machine that a trace is of, as they were before the run. Nothing of a replay gets into any file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from lockstep.errors import TraceError
from lockstep.host.disk_content import build_disk, disk_sha256, held_disk
from lockstep.log.trace.description import DiskFile
from lockstep.log.trace.reader import TraceReader
from lockstep.machine.config import Disk
from lockstep.machine.loader.guest_file import printable


def disk_role(number: int) -> str:
    """What a trace calls disk `number`."""
    return f"disk{number}"


def recorded_disk(trace: TraceReader, number: int, given: Path | None) -> Disk:
    """Disk `number` of the run: from the trace, or else from `given` or from where it was.

    TraceError if that can't be had.
    """
    disk = trace.description.disks[number]
    if disk.sha256 is None:
        try:
            content = build_disk(trace.disk_pieces(disk_role(number)), disk.size_bytes)
        except OSError as error:
            raise TraceError(
                f"a copy of the trace's disk {number} can't be made: {error.strerror}; "
                "give TMPDIR a directory with more room"
            ) from error
    else:
        content = _open_file(disk, number, given)
    return held_disk(content, size_bytes=disk.size_bytes, read_only=disk.read_only)


def _open_file(disk: DiskFile, number: int, given: Path | None) -> BinaryIO:
    path = given or Path(os.fsdecode(disk.path))
    try:
        file = path.open("rb", buffering=0)
        size_bytes = os.lseek(file.fileno(), 0, os.SEEK_END)
        is_same = size_bytes == disk.size_bytes and disk_sha256(file.fileno(), size_bytes) == disk.sha256
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise TraceError(
            f"the trace has only the hash of disk {number}, and {printable(path)} can't be read: {reason}; "
            "give a copy of it from before the run as --disk FILE"
        ) from error
    if not is_same:
        file.close()
        raise TraceError(
            f"{printable(path)} isn't as disk {number} was before the run: give a copy from then as --disk FILE"
        )
    return file
