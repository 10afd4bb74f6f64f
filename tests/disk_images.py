"""Disks for tests, and machines of the guest `records` on them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import programs

from lockstep.machine.config import Clock, Disk, MachineConfig

DISK_BYTES = 4 << 20


def make_disk(path: Path, size_bytes: int = DISK_BYTES) -> Disk:
    """A disk of zeros."""
    with path.open("wb") as file:
        file.truncate(size_bytes)
    return Disk(path=path, size_bytes=size_bytes)


def records_on(disk: Disk, append: str, clock: Clock = "virtual") -> MachineConfig:
    """The guest that keeps `disk` busy."""
    return dataclasses.replace(programs.bundled("records", append), disks=(disk,), clock=clock)
