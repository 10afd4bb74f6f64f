"""The machine that is asked for by a guest: a file, its bytes, a bundled guest's name, or one that was fetched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lockstep.catalog.disk_files import choose_disks
from lockstep.errors import GuestError, UsageError
from lockstep.machine.config import Clock, Disk, GuestSource, MachineConfig
from lockstep.machine.quantities import parse_memory

if TYPE_CHECKING:
    from lockstep.catalog.linux import LinuxGuest

FETCHED_GUESTS = ("linux", "u-boot")
NETWORKS = ("none", "user")
MEMORY_DEFAULT = "128M"
LINUX_MEMORY_DEFAULT = "256M"


@dataclass(frozen=True, kw_only=True)
class GuestOptions:
    """What the command line, or a script, says about the machine. None, or an empty text: not given."""

    guest: str | bytes | None = None
    memory: str | None = None
    harts: int = 1
    bios: GuestSource | None = None
    kernel: GuestSource | None = None
    initrd: GuestSource | None = None
    append: str = ""
    clock: str = "host"
    disks: tuple[str | Disk, ...] = ()
    """FILE or FILE,ro of each."""
    net: str = "none"
    """`none` or `user`."""


def choose_machine(options: GuestOptions) -> MachineConfig:
    """The machine that is asked for. UsageError or GuestError if there is no such machine or guest."""
    clock = _clock(options.clock)
    guest = options.guest
    if isinstance(guest, str) and guest in FETCHED_GUESTS and not Path(guest).is_file():
        return _fetched(options, guest, clock)
    return MachineConfig(
        memory_bytes=_memory_bytes(options, MEMORY_DEFAULT),
        harts=options.harts,
        clock=clock,
        guest=_guest_file(guest) if isinstance(guest, str) else guest,
        bios=options.bios,
        kernel=options.kernel,
        initrd=options.initrd,
        append=options.append,
        guest_name=guest if isinstance(guest, str) else "",
        disks=choose_disks(options.disks),
        has_network=_has_network(options.net),
    )


def _clock(text: str) -> Clock:
    if text == "host":
        return "host"
    if text == "virtual":
        return "virtual"
    raise UsageError(f"--clock {text!r} is unknown: give host or virtual")


def _has_network(text: str) -> bool:
    if text not in NETWORKS:
        raise UsageError(f"--net {text[:40]!r} is unknown: give none or user")
    return text == "user"


def _memory_bytes(options: GuestOptions, default: str) -> int:
    return parse_memory(default if options.memory is None else options.memory)


def _guest_file(guest: str) -> Path:
    """A file of that name, or the bundled guest; a name that is neither goes to the loader as it is."""
    from lockstep.catalog.bundled import BUNDLED_GUESTS, bundled_guest

    path = Path(guest)
    if path.exists() or guest not in BUNDLED_GUESTS:
        if not path.exists() and "/" not in guest:
            names = ", ".join(BUNDLED_GUESTS)
            raise GuestError(f"guest {guest!r} is neither a file nor one of {names}, linux, u-boot")
        return path
    bundled = bundled_guest(guest)
    if bundled is None:
        raise GuestError(f"guest {guest} hasn't been built: run make -C guests")
    return bundled


def _fetched(options: GuestOptions, name: str, clock: Clock) -> MachineConfig:
    """Linux or U-Boot on OpenSBI; each of its files can be replaced by an option."""
    from lockstep.catalog.linux import linux_guest, uboot_guest

    if options.kernel is not None:
        raise UsageError("GUEST and --kernel are both given: leave one of them out")
    linux, uboot = (linux_guest(), None) if name == "linux" else (None, uboot_guest())
    fetched = linux or uboot
    if fetched is None:
        raise GuestError(f"guest {name} isn't here yet: run lockstep fetch linux")
    return MachineConfig(
        memory_bytes=_memory_bytes(options, LINUX_MEMORY_DEFAULT),
        harts=options.harts,
        clock=clock,
        bios=options.bios or fetched.firmware,
        kernel=fetched.kernel,
        initrd=options.initrd or (_initrd(linux, options) if linux else None),
        append=" ".join(part for part in (linux.append if linux else "", options.append) if part),
        guest_name=name,
        disks=choose_disks(options.disks),
        has_network=_has_network(options.net),
    )


def _initrd(linux: LinuxGuest, options: GuestOptions) -> Path:
    """Drivers only for a machine that has devices for them: they would make every other one start more slowly."""
    if not options.disks and not _has_network(options.net):
        return linux.initrd
    if linux.initrd_with_drivers is None:
        raise GuestError(
            "guest linux was fetched by an older lockstep, without its drivers: run lockstep fetch linux"
        )
    return linux.initrd_with_drivers
