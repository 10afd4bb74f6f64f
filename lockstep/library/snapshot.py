"""A machine at rest, taken wherever it stood: in memory, and in a file.

It holds what harts remember of their page tables, so that a machine that goes on from it is the same to the last bit.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import xxhash
import zstandard

from lockstep import __version__
from lockstep.errors import InternalError, UsageError
from lockstep.host.disk_content import build_disk, disk_pieces, held_disk
from lockstep.machine.checks import PAGE_BYTES, touched_pages
from lockstep.machine.config import Disk
from lockstep.machine.engine.layout import ENV
from lockstep.machine.machine import Machine
from lockstep.machine.overlay import WrittenBlocks, overlays
from lockstep.machine.snapshot import Snapshot as CoreSnapshot
from lockstep.machine.snapshot import hart_bytes, settle
from lockstep.machine.state import BOARD
from lockstep.machine.translations import KEPT, keep_translations, remember_translations

_MAGIC = b"lockstep snapshot\n"
_LAYOUT = xxhash.xxh3_64_hexdigest(f"{BOARD} {ENV} {KEPT}".encode())
_PAGES_AT_ONCE = 4096
_LEVEL = 1


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, eq=False, repr_omit_defaults=True):
    """All of a machine at one place. Made by `Machine.snapshot`, taken by `Machine.restore`."""

    icount: int
    """Instructions retired."""
    position: int
    pc: int
    memory_bytes: int
    board: bytes
    harts: tuple[bytes, ...]
    translations: tuple[bytes, ...]
    after_block: int
    entries: tuple[int, ...]
    entry_bytes: int
    console: bytes
    page_numbers: bytes
    """int64 of each page that isn't all zeros."""
    pages: bytes
    """Their contents."""
    disks: tuple[tuple[bytes, bytes, bytes], ...] = ()
    """What it has written to each: numbers and versions of blocks (int64), and what is in them."""
    follows_trace: bool = False
    """Whether the machine met what a recorded run met."""

    def __repr__(self) -> str:
        """In short."""
        disks_bytes = sum(len(part) for disk in self.disks for part in disk)
        size_kib = (len(self.pages) + len(self.board) + disks_bytes) // 1024
        return f"<Snapshot: icount {self.icount}, pc {self.pc:#x}, {size_kib} KiB>"


def take_snapshot(machine: Machine, console: bytes, *, follows_trace: bool = False) -> Snapshot:
    """Of `machine`, which stands still and has written `console`."""
    wires, control = machine.wires, machine.control
    settle(wires.first_wiring)
    numbers, pages = _used_pages(machine)
    return Snapshot(
        icount=machine.icount,
        position=machine.position,
        pc=machine.pc,
        memory_bytes=wires.ram.nbytes,
        board=wires.board.tobytes(),
        harts=tuple(hart_bytes(wires, hart) for hart in range(len(wires.engines))),
        translations=keep_translations(wires),
        after_block=int(control["after_block"]),
        entries=tuple(control["entries"].tolist()),
        entry_bytes=int(control["entry_bytes"]),
        console=console,
        page_numbers=numbers.tobytes(),
        pages=pages,
        disks=tuple(_as_bytes(overlay.all_written()) for overlay in overlays(wires)),
        follows_trace=follows_trace,
    )


def restore_snapshot(machine: Machine, snapshot: Snapshot) -> None:
    """Make `machine` the one of `snapshot`. UsageError if that is of a machine of another size."""
    wires, control = machine.wires, machine.control
    if snapshot.memory_bytes != wires.ram.nbytes or len(snapshot.harts) != len(wires.engines):
        raise UsageError("the snapshot is of a machine of another size: give both the same memory and harts")
    disks = tuple(map(_as_blocks, snapshot.disks))
    if len(disks) != len(machine.config.disks):
        raise UsageError("the snapshot is of a machine with other disks: give both the same")
    pages = wires.ram.reshape(-1, PAGE_BYTES)
    numbers = np.frombuffer(snapshot.page_numbers, np.int64)
    pages[np.setdiff1d(touched_pages(wires, 0, len(pages)), numbers)] = 0
    pages[numbers] = np.frombuffer(snapshot.pages, np.uint8).reshape(-1, PAGE_BYTES)
    machine.restore(CoreSnapshot(None, snapshot.board, snapshot.harts, disks))
    remember_translations(wires, snapshot.translations)
    control["after_block"] = snapshot.after_block
    control["entries"], control["entry_bytes"] = snapshot.entries, snapshot.entry_bytes


def clear(machine: Machine) -> None:
    """All of RAM to zeros, and nothing written to disks, for a state from elsewhere that leaves that out."""
    for overlay in overlays(machine.wires):
        overlay.clear()
    pages = machine.wires.ram.reshape(-1, PAGE_BYTES)
    pages[touched_pages(machine.wires, 0, len(pages))] = 0
    machine.control["after_block"] = 0


def _as_bytes(blocks: WrittenBlocks) -> tuple[bytes, bytes, bytes]:
    return blocks.numbers.tobytes(), blocks.versions.tobytes(), blocks.content.tobytes()


def _as_blocks(raw: tuple[bytes, bytes, bytes]) -> WrittenBlocks:
    numbers, versions, content = raw
    return WrittenBlocks(
        np.frombuffer(numbers, np.int64),
        np.frombuffer(versions, np.int64),
        np.frombuffer(content, np.uint8),
    )


def _used_pages(machine: Machine) -> tuple[Any, bytes]:
    """Numbers (int64[n]) and contents of the pages of RAM that aren't all zeros."""
    pages = machine.wires.ram.reshape(-1, PAGE_BYTES)
    numbers, contents = [np.zeros(0, np.int64)], []
    for first in range(0, len(pages), _PAGES_AT_ONCE):
        touched = touched_pages(machine.wires, first, min(_PAGES_AT_ONCE, len(pages) - first))
        copied = pages[touched]
        is_used = copied.view(np.uint64).any(axis=1)
        numbers.append(touched[is_used])
        contents.append(copied[is_used].tobytes())
    return np.concatenate(numbers), b"".join(contents)


class SavedDisk(msgspec.Struct, frozen=True, kw_only=True):
    """A disk as it is behind what the machine has written to it."""

    size_bytes: int
    read_only: bool
    pieces: tuple[tuple[int, bytes], ...]
    """Offsets and contents of what isn't zeros."""


class SavedMachine(msgspec.Struct, frozen=True, kw_only=True):
    """A machine in a file."""

    version: str
    layout: str
    harts: int
    clock: str
    append: str
    guest_name: str
    typed: bytes
    disks: tuple[SavedDisk, ...]
    symbols: dict[str, int]
    snapshot: Snapshot


def save_machine(
    path: Path, machine: Machine, snapshot: Snapshot, typed: bytes, symbols: dict[str, int]
) -> None:
    """Write it to `path`, whole or not at all. InternalError if that can't be written."""
    config = machine.config
    try:
        disks = tuple(map(_save_disk, config.disks))
    except OSError as error:
        raise InternalError(f"a disk of the machine can't be read any more: {error.strerror}") from error
    saved = SavedMachine(
        version=__version__,
        layout=_LAYOUT,
        harts=config.harts,
        clock=config.clock,
        append=config.append,
        guest_name=config.guest_name,
        typed=typed,
        disks=disks,
        symbols=symbols,
        snapshot=snapshot,
    )
    body = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(msgspec.msgpack.encode(saved))
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
        try:
            with open(descriptor, "wb") as file:
                file.write(_MAGIC + body)
                mask = os.umask(0)
                os.umask(mask)
                os.fchmod(descriptor, 0o666 & ~mask)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise InternalError(f"{path} can't be written: {error.strerror}; give another path") from error


def _save_disk(disk: Disk) -> SavedDisk:
    with disk.path.open("rb", buffering=0) as file:
        pieces = tuple(disk_pieces(file.fileno(), disk.size_bytes))
    return SavedDisk(size_bytes=disk.size_bytes, read_only=disk.read_only, pieces=pieces)


def restored_disk(saved: SavedDisk) -> Disk:
    """The disk again, in a file without a name. InternalError if there is no room for that."""
    try:
        content = build_disk(saved.pieces, saved.size_bytes)
    except OSError as error:
        raise InternalError(
            f"a copy of the machine's disk can't be made: {error.strerror}; give TMPDIR a directory with more room"
        ) from error
    return held_disk(content, size_bytes=saved.size_bytes, read_only=saved.read_only)


def read_machine(path: Path) -> SavedMachine:
    """What `save_machine` wrote. UsageError if there is no such thing at `path`."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}; check the path") from error
    if not raw.startswith(_MAGIC):
        raise UsageError(f"{path} isn't a saved machine: give a file that Machine.save has written")
    try:
        decoded = zstandard.ZstdDecompressor().decompress(raw[len(_MAGIC) :])
        heading = msgspec.msgpack.decode(decoded, type=_Heading)
        if (heading.version, heading.layout) != (__version__, _LAYOUT):
            raise UsageError(
                f"{path} was saved by lockstep {heading.version}, this is {__version__} and keeps machines in "
                "another way: save it again"
            )
        return msgspec.msgpack.decode(decoded, type=SavedMachine)
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise UsageError(f"{path} is damaged or cut off: save the machine again") from error


class _Heading(msgspec.Struct, frozen=True):
    version: str
    layout: str
