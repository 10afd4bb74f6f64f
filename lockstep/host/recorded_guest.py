"""The machine that a trace is of: its config, from what the trace keeps, or from files that are what it names."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from lockstep import __version__
from lockstep.errors import TraceError, UsageError
from lockstep.host.recorded_disks import disk_role, recorded_disk
from lockstep.log.trace.description import Description, GuestFile
from lockstep.log.trace.reader import TraceReader
from lockstep.machine.config import MachineConfig
from lockstep.machine.loader.guest_file import printable

ROLES = ("guest", "bios", "kernel", "initrd")


def recorded_config(trace: TraceReader, files: Mapping[str, Path] | None = None) -> MachineConfig:
    """The config of the machine that `trace` is of, with all files read.

    `files`, by role (of disks: disk0, disk1, ...), is where files are that the trace has only hashes of; else they are
    looked for where they were.
    TraceError if the trace is another version's, or a file is missing or isn't the one that the run was started from.
    """
    description = trace.description
    if description.lockstep_version != __version__:
        raise TraceError(
            f"the trace {printable(trace.path)} is lockstep {description.lockstep_version}'s, "
            f"and this is {__version__}: replay it with the version that recorded it"
        )
    given = dict(files or {})
    if unknown := set(given) - {file.role for file in description.files} - _disks_to_give(description):
        raise UsageError(_superfluous(min(unknown), description))
    sources = {file.role: _source(trace, file, given.get(file.role)) for file in description.files}
    if description.clock not in ("host", "virtual") or not set(sources) <= set(ROLES):
        raise TraceError(
            f"the trace {printable(trace.path)} is of a machine that there isn't: record it again"
        )
    return MachineConfig(
        memory_bytes=description.memory_bytes,
        harts=description.harts,
        clock="host" if description.clock == "host" else "virtual",
        append=description.append.decode("utf-8", "surrogateescape"),
        guest_name=description.guest_name,
        guest=sources.get("guest"),
        bios=sources.get("bios"),
        kernel=sources.get("kernel"),
        initrd=sources.get("initrd"),
        disks=tuple(
            recorded_disk(trace, number, given.get(disk_role(number)))
            for number in range(len(description.disks))
        ),
        has_network=description.has_network,
    )


def _disks_to_give(description: Description) -> set[str]:
    return {disk_role(number) for number, disk in enumerate(description.disks) if disk.sha256 is not None}


def _superfluous(role: str, description: Description) -> str:
    if not role.startswith("disk"):
        return f"--{role} is given, and the run was started without one: leave it out"
    if any(role == disk_role(number) for number in range(len(description.disks))):
        return "--disk is given, and the trace itself has what is on its disks: leave it out"
    return f"--disk is given more often than the run had disks, {len(description.disks)}: leave some out"


def _source(trace: TraceReader, file: GuestFile, given: Path | None) -> bytes:
    """What the machine was started from as `file`: from the path that was given, the trace, or where it was."""
    content = trace.content(file.role) if given is None else None
    path = given
    if content is None and path is None and file.path is not None:
        path = Path(os.fsdecode(file.path))
    if content is None:
        if path is None:
            raise TraceError(f"the trace has only the hash of the {file.role}: give it as --{file.role} FILE")
        content = _read(path, file.role, is_given=given is not None)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        what = "the trace's own copy" if path is None else printable(path)
        raise TraceError(
            f"{what} isn't the {file.role} that the run was started from: "
            f"give the one with SHA-256 {file.sha256} as --{file.role} FILE"
        )
    return content


def _read(path: Path, role: str, *, is_given: bool) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        if is_given:
            raise TraceError(f"{printable(path)} can't be read: {reason}; check the path") from error
        raise TraceError(
            f"the trace has only the hash of the {role}, or a part of it, and {printable(path)} "
            f"can't be read: {reason}; give it as --{role} FILE"
        ) from error
