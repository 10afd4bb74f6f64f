"""What a trace says about its run: the machine that was started, and how it ended. msgpack, in frames of their own."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from lockstep.errors import TraceError

Record = TypeVar("Record", bound=msgspec.Struct)


class GuestFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file that the machine was started from."""

    role: str
    """`guest`, `bios`, `kernel` or `initrd`: the field of the machine's config."""
    path: bytes | None
    """Where it was, absolute; None if it never was a file."""
    size_bytes: int
    sha256: str
    """Hexadecimal."""


class DiskFile(msgspec.Struct, frozen=True, kw_only=True):
    """One disk of the machine, as it was before the run."""

    path: bytes
    """Where it was, absolute."""
    size_bytes: int
    read_only: bool
    sha256: str | None
    """Hexadecimal, over its size and its pieces that aren't all zeros; None: all of them are in the trace."""


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """All that the machine's state at its first instruction follows from, but for what is in its files and disks."""

    lockstep_version: str
    memory_bytes: int
    harts: int
    clock: str
    """`host` or `virtual`."""
    append: bytes
    """The guest's `bootargs`."""
    typed: bytes
    """Console input from a file, under the virtual clock."""
    rtc_epoch_ns: int | None
    """The RTC at guest time 0; None: as the virtual clock has it."""
    guest_name: str
    guest_sha256: str
    """Over all files, as in the report."""
    files: tuple[GuestFile, ...]
    disks: tuple[DiskFile, ...] = ()
    """In the order of their slots."""
    has_network: bool = False
    checks_every_s: float | None = None
    checks_ram_every_s: float | None = None


class End(msgspec.Struct, frozen=True, kw_only=True):
    """How the run ended, as in its report. None: nobody knows."""

    outcome: str
    exit_code: int
    icount: int | None
    position: int | None
    """Where the machine stood."""
    digest: str | None
    console_bytes: int | None
    console_xxh3_128: str | None
    wall_s: float


def encode_record(record: msgspec.Struct) -> bytes:
    """The body of a frame."""
    return msgspec.msgpack.encode(record)


def decode_record(body: bytes, kind: type[Record]) -> Record:
    """What is in the body of a frame. TraceError if it isn't a `kind`."""
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except (msgspec.DecodeError, ValueError):
        raise TraceError(f"the trace's {kind.__name__.lower()} makes no sense: record it again") from None
