"""The guests that are measured, at full and at smoke size."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from bench.results import ToolMissingError

COMPUTE_MEMORY_BYTES = 128 << 20
LINUX_COMMAND = "run=/bin/true"


@dataclasses.dataclass(frozen=True)
class LinuxFiles:
    """What the guest `linux` is made of, for peers."""

    firmware: Path
    kernel: Path
    initrd: Path
    append: str
    memory: str = "256M"


def compute_append(rounds: int) -> str:
    """Boot arguments of `compute`: 0.2 G instructions a round."""
    return f"rounds={rounds}"


def bundled(name: str) -> Path:
    """The ELF of a bundled guest."""
    return Path(__file__).resolve().parents[1] / "guests" / f"{name}.elf"


def linux_files(command: str = LINUX_COMMAND, *, with_drivers: bool = False) -> LinuxFiles:
    """The fetched Linux, with the drivers of disks and networks or without. ToolMissingError if it wasn't fetched."""
    from lockstep.catalog.linux import linux_guest

    found = linux_guest()
    if found is None:
        raise ToolMissingError("Linux isn't installed: run lockstep fetch linux")
    initrd = found.initrd_with_drivers if with_drivers else found.initrd
    if initrd is None:
        raise ToolMissingError("Linux with drivers isn't installed: run lockstep fetch linux")
    return LinuxFiles(found.firmware, found.kernel, initrd, f"{found.append} {command}")
