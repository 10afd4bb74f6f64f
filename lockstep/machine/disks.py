"""A machine's disks on this host: the files behind them, opened for reading, and memory for what was written."""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np

from lockstep.errors import GuestError
from lockstep.machine.config import Disk
from lockstep.machine.devices.virtio.records import CHAIN
from lockstep.machine.disk_view import BLOCK_BYTES, BLOCK_SHIFT, CHUNK_SHIFT, FORGET_ABOVE_BLOCKS, VIEW

FRAME_ROOM_BYTES = 1 << 17
_MAP_NORESERVE = 0x4000
"""As in Linux's <sys/mman.h>; Python's mmap has it from 3.13 on."""
_LIBC = ("pread", "write", "memmove", "memset", "madvise")


@functools.cache
def _libc_addresses() -> dict[str, int]:
    libc = ctypes.CDLL(None)
    return {name: ctypes.cast(getattr(libc, name), ctypes.c_void_p).value or 0 for name in _LIBC}


def _sparse_memory(size_bytes: int) -> mmap.mmap:
    """Zeros that take room only where they are written."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE
    return mmap.mmap(-1, size_bytes, flags=flags)


def _address_of(memory: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


class Disks:
    """The views of a machine's disks (`disk_view`). Nothing here writes to the files."""

    def __init__(self, disks: tuple[Disk, ...], control: Any) -> None:
        """Open the files and put the addresses of what native code needs into `control`. `GuestError`: it can't be."""
        self.views = np.zeros(max(len(disks), 1), VIEW)
        self._memory: list[mmap.mmap] = []
        self._files: list[int] = []
        self._scratch = np.zeros(FRAME_ROOM_BYTES, np.uint8)
        self._chain = np.zeros(1, CHAIN)
        self._one = np.ones(1, np.int64)
        control["disks_count"] = len(disks)
        control["views_address"] = self.views.ctypes.data
        control["scratch_address"] = self._scratch.ctypes.data
        control["chain_address"] = self._chain.ctypes.data
        control["bell_word"] = self._one.ctypes.data
        control["disk_bell"] = control["frame_bell"] = -1
        for name, address in _libc_addresses().items():
            control[f"libc_{name}"] = address
        for index, disk in enumerate(disks):
            self._add(self.views[index], disk)

    def _add(self, view: Any, disk: Disk) -> None:
        file = _open(disk)
        self._files.append(file)
        blocks = (disk.size_bytes + BLOCK_BYTES - 1) >> BLOCK_SHIFT
        chunks = (disk.size_bytes >> CHUNK_SHIFT) + 1
        try:
            overlay, versions, chunk_versions = map(
                _sparse_memory, (blocks * BLOCK_BYTES, blocks * 8, chunks * 8)
            )
        except OSError:
            raise GuestError(
                f"the disk {disk.path} has {disk.size_bytes} bytes, more than fit into a process: give a smaller one"
            ) from None
        self._memory += [overlay, versions, chunk_versions]
        view["file"], view["bytes"] = file, disk.size_bytes
        view["overlay"], view["versions"] = _address_of(overlay), _address_of(versions)
        view["chunk_versions"] = _address_of(chunk_versions)
        view["forget_above"] = FORGET_ABOVE_BLOCKS

    def __del__(self) -> None:
        """Close the files."""
        for file in self._files:
            os.close(file)


def _open(disk: Disk) -> int:
    try:
        file = os.open(disk.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise GuestError(f"the disk {disk.path} can't be read: {error.strerror}") from None
    if disk_bytes(file) != disk.size_bytes:
        os.close(file)
        raise GuestError(f"the disk {disk.path} has changed its size since it was looked at")
    return file


def disk_bytes(file: int) -> int:
    """The size of a file or a block device behind a descriptor."""
    return os.lseek(file, 0, os.SEEK_END)


def find_disk(path: Path, *, read_only: bool = False) -> Disk:
    """The disk that is a file, or a block device, at `path`. `GuestError` if it can't be used as one."""
    try:
        file = os.open(path, (os.O_RDONLY if read_only else os.O_RDWR) | os.O_CLOEXEC)
    except OSError as error:
        what = "read" if read_only else "read and written"
        raise GuestError(f"the disk {path} can't be {what}: {error.strerror}") from None
    try:
        return Disk(path=path, size_bytes=disk_bytes(file), read_only=read_only)
    except OSError as error:
        raise GuestError(f"{path} can't be a disk: {error.strerror}") from None
    finally:
        os.close(file)
