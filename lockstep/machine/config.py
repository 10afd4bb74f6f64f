"""What a machine is made of: its size, its clock and the files that it starts from.

A `MachineConfig` is checked where it is made, so that no part of the machine meets one that makes no sense.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lockstep.errors import UsageError
from lockstep.machine.memory_map import DISKS_MAX, HARTS_MAX
from lockstep.machine.quantities import MIB, check_memory

Clock = Literal["host", "virtual"]
GuestSource = Path | bytes
"""A file of the guest: where it is, or what is in it."""

SECTOR_BYTES = 512


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A disk of the machine. UsageError if a file of that size is none."""

    path: Path
    """The file, or block device, with its content: raw."""
    size_bytes: int
    read_only: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no disk."""
        if self.size_bytes <= 0 or self.size_bytes % SECTOR_BYTES:
            raise UsageError(
                f"the disk {self.path} has {self.size_bytes} bytes: make it a multiple of {SECTOR_BYTES}, and not empty"
            )


@dataclass(frozen=True, kw_only=True)
class MachineConfig:
    """The machine that is wanted. UsageError if there is no such machine.

    Either `guest` or `kernel` (not both), or `bios` alone. With `bios`, `guest` means the same as `kernel`.
    """

    memory_bytes: int = 128 * MIB
    harts: int = 1
    clock: Clock = "host"
    guest: GuestSource | None = None
    bios: GuestSource | None = None
    kernel: GuestSource | None = None
    initrd: GuestSource | None = None
    append: str = ""
    """The guest's `bootargs`."""
    guest_name: str = ""
    """The guest's name in reports; empty: the name of its file."""
    disks: tuple[Disk, ...] = ()
    """In the order of their slots."""
    has_network: bool = False

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        check_memory(self.memory_bytes)
        if not 1 <= self.harts <= HARTS_MAX:
            raise UsageError(f"--harts {self.harts} is out of range: give 1 to {HARTS_MAX}")
        if self.clock not in ("host", "virtual"):
            raise UsageError(f"--clock {self.clock!r} is unknown: give host or virtual")
        if len(self.disks) > DISKS_MAX:
            raise UsageError(f"{len(self.disks)} disks are too many: give at most {DISKS_MAX}")
        if self.has_network and self.clock == "virtual":
            raise UsageError("--net user needs --clock host: what the network brings comes at real times")
        if "\0" in self.append:
            raise UsageError("--append holds a NUL character: leave it out")
        try:
            # As it will be in the device tree: bytes that the user's locale couldn't decode come through.
            self.append.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise UsageError("--append holds text that is not UTF-8: leave it out") from error
        if self.guest is not None and self.kernel is not None:
            raise UsageError("GUEST and --kernel are both given: leave one of them out")
        if self.guest is None and self.kernel is None and self.bios is None:
            raise UsageError("there is nothing to run: give a GUEST, --kernel or --bios")
        if self.initrd is not None and self.payload is None:
            raise UsageError("--initrd needs a kernel: give --kernel as well")

    @property
    def has_links(self) -> bool:
        """Whether it has devices that put out to the world by rings."""
        return bool(self.disks) or self.has_network

    @property
    def payload(self) -> GuestSource | None:
        """What runs on the machine, or on its firmware: the kernel or the guest."""
        return self.guest if self.kernel is None else self.kernel
