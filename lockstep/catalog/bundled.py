"""Names, descriptions and files of the guests that `lockstep run NAME` accepts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lockstep.catalog.linux import linux_guest, uboot_guest

BUNDLED_GUESTS: dict[str, str] = {
    "hello": "prints one line and powers off",
    "compute": "integer and floating-point arithmetic in a loop, prints a checksum",
    "timer": "counts timer interrupts",
    "echo": "sends back what it receives on the console",
    "clocks": "prints what every clock of the machine says",
    "paging": "runs in supervisor and user mode with Sv39 page tables",
    "smp": "several harts that share locks and send each other interrupts",
    "sloppy": "several harts with a data race, to show that even races replay",
    "storm": "interrupts as fast as the machine can deliver them",
    "records": "writes numbered records to a disk, reads them back, and says what is flushed",
    "random": "prints numbers from the machine's generator of random numbers",
    "selftest": "checks the machine's instructions, traps and devices",
}

FETCHED_GUESTS: dict[str, str] = {
    "linux": "Debian's riscv64 kernel with a busybox shell",
    "u-boot": "Debian's U-Boot, started by OpenSBI",
}

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class GuestEntry:
    """One line of `lockstep guests`."""

    name: str
    description: str
    path: Path | None
    """The file that is run: an ELF, or the kernel of a fetched guest. None if the guest isn't here yet."""
    obtained_by: str
    """The command that brings the guest when `path` is None."""

    @property
    def is_available(self) -> bool:
        """Whether the guest can be run now."""
        return self.path is not None


def bundled_guest(name: str) -> Path | None:
    """The ELF of the bundled guest `name`; None if there is no such guest or it hasn't been built."""
    if name not in BUNDLED_GUESTS:
        return None
    for directory in guest_directories(_PACKAGE):
        path = directory / f"{name}.elf"
        if path.is_file():
            return path
    return None


def guest_directories(package: Path) -> tuple[Path, Path]:
    """Where guests may be, given the directory of the `lockstep` package: in a wheel, and in a checkout."""
    return package / "_guests", package.parent / "guests"


def list_guests() -> list[GuestEntry]:
    """All guests that have a name, bundled ones first."""
    linux, uboot = linux_guest(), uboot_guest()
    fetched = {"linux": linux.kernel if linux else None, "u-boot": uboot.kernel if uboot else None}
    bundled = [
        GuestEntry(name, description, bundled_guest(name), "make -C guests")
        for name, description in BUNDLED_GUESTS.items()
    ]
    return bundled + [
        GuestEntry(name, description, fetched[name], "lockstep fetch linux")
        for name, description in FETCHED_GUESTS.items()
    ]
