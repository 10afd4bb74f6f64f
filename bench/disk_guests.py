"""Guests that keep a disk busy, and what marks the parts of their runs on the console."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

from bench.commands import TimedProcess
from bench.settings import Settings

RECORDS_BLOCK_BYTES = 4096
LINUX_PIECE_MIB = 32
BYTES_PER_MIB = 1 << 20

Way = Callable[[str, Path], TimedProcess]
"""Runs a guest with these arguments and this disk."""


@dataclasses.dataclass(frozen=True)
class Phase:
    """A part of a run: from when one text is on the console until another one is."""

    name: str
    mib: float
    """Written, read, or both."""
    begins: bytes
    ends: bytes

    def seconds(self, run: TimedProcess) -> float:
        """How long it took, as seen at our end of the console's pipe."""
        return run.seconds_at(self.ends) - run.seconds_at(self.begins)


@dataclasses.dataclass(frozen=True)
class DiskGuest:
    """A guest with one disk, which is a new sparse file in each run."""

    name: str
    append: str
    disk_bytes: int
    written_mib: float
    phases: tuple[Phase, ...]
    others: tuple[Phase, ...] = ()
    """Shown, and left out of what is compared."""

    def seconds(self, run: TimedProcess) -> float:
        """Of all phases: what comes before and after them, boot and power-off, doesn't count."""
        return sum(phase.seconds(run) for phase in self.phases)


def records(settings: Settings) -> DiskGuest:
    """The bundled guest: 4 KiB in random places, written and read, 8 at a time, a flush every 64 records."""
    count, disk_bytes = settings.pick(30_000, 300), settings.pick(64, 1) * BYTES_PER_MIB
    mib = count * RECORDS_BLOCK_BYTES / BYTES_PER_MIB
    busy = Phase("written and read", 2 * mib, b"the last record is 0", f"records: {count} written".encode())
    return DiskGuest("records", f"records={count} every=64", disk_bytes, mib, (busy,))


def linux(settings: Settings) -> DiskGuest:
    """Large sequential requests of Debian's kernel past its cache, a flush each 32 MiB; some through its cache first.

    Through its cache the kernel's own work takes most of the time: that says little about disks.
    """
    pieces, cached = settings.pick(8, 1), settings.pick(2, 1)
    mib, cached_mib = pieces * LINUX_PIECE_MIB, cached * LINUX_PIECE_MIB
    write = f"dd if=piece of=/dev/vda bs=1M seek=$((n*{LINUX_PIECE_MIB})) conv=fsync"
    script = "; ".join(
        [
            f"yes lockstep | head -c {LINUX_PIECE_MIB * BYTES_PER_MIB} >piece",
            "echo bench caches",
            f"for n in $(seq {cached}); do {write} 2>/dev/null; done",
            "echo bench writes",
            f"for n in $(seq {pieces}); do {write} oflag=direct 2>/dev/null; done",
            "echo bench reads",
            f"dd if=/dev/vda of=/dev/null bs=1M count={mib} iflag=direct 2>/dev/null",
            "echo bench ends",
        ]
    )
    phases = (
        Phase("written", mib, b"\nbench writes", b"\nbench reads"),
        Phase("read", mib, b"\nbench reads", b"\nbench ends"),
    )
    through_cache = Phase("through Linux's cache", cached_mib, b"\nbench caches", b"\nbench writes")
    disk_bytes = (mib + LINUX_PIECE_MIB) * BYTES_PER_MIB
    return DiskGuest("linux", f'run="{script}"', disk_bytes, mib, phases, (through_cache,))


def new_image(directory: Path, guest: DiskGuest) -> Path:
    """A sparse file; that of the run before is removed."""
    image = directory / f"{guest.name}.img"
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(guest.disk_bytes)
    return image


def content_hash(image: Path) -> str:
    """Of all bytes of a disk."""
    with image.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
