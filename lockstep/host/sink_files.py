"""The files behind disks, as the sink writes them; entries of a ring applied in native code."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
from typing import Any

import numpy as np

from lockstep.errors import GuestError, InternalError
from lockstep.log.entry import entry_kind, entry_length, entry_payload, entry_pc, entry_position
from lockstep.log.ring import ring_horizon, ring_peek, ring_pop
from lockstep.log.words import load_word
from lockstep.machine.config import Disk
from lockstep.machine.output import DISCARD, WRITE
from lockstep.native import exported, int64
from lockstep.native_calls import call_int64

BATCH_BYTES = 1 << 20
_KEEP_SIZE, _PUNCH_HOLE, _ZERO_RANGE = 1, 2, 16
_ZEROS = bytes(1 << 16)


@exported(int64(int64, int64, int64, int64, int64), releases_gil=True)
def write_entries(ring: int, entries_max: int, files: int, failed: int, pwrite: int) -> int:
    """Take WRITE entries that may leave from `ring`, up to `entries_max` of them and about a batch of bytes.

    `files` is the address of an int64 descriptor per disk; entries for a disk whose bit is set in `failed` are
    dropped; `pwrite` is libc's. Stops before what isn't a WRITE and before one that fails. Returns how many were taken,
    or what the ring refuses its next entry with.
    """
    horizon = ring_horizon(ring)
    taken = 0
    left = BATCH_BYTES
    while taken < entries_max and left > 0:
        entry = ring_peek(ring)
        if entry < 0:
            return entry
        if entry == 0 or entry_position(entry) > horizon:
            break
        kind = entry_kind(entry) - 1
        if kind & 7 != WRITE:
            break
        disk = kind >> 3
        if (failed >> disk) & 1 == 0:
            offset, address, length = entry_pc(entry), entry_payload(entry), entry_length(entry)
            left -= length
            while length > 0:
                count = call_int64(pwrite, (load_word(files + 8 * disk), address, length, offset))
                if count <= 0:
                    return taken
                offset, address, length = offset + count, address + count, length - count
        ring_pop(ring)
        taken += 1
    return taken


@exported(int64(int64))
def next_kind(ring: int) -> int:
    """The kind of the next entry of `ring` that may leave; 0: there is none; or what the ring refuses it with."""
    horizon = ring_horizon(ring)
    entry = ring_peek(ring)
    if entry <= 0:
        return entry
    return entry_kind(entry) if entry_position(entry) <= horizon else 0


class SinkFiles:
    """The files of a machine's disks, open for writing, each in use by this run alone."""

    def __init__(self, disks: tuple[Disk, ...]) -> None:
        """Open and lock them. `GuestError` if one can't be written, or is in use by another run."""
        self.disks = disks
        self.files = np.full(max(len(disks), 1), -1, np.int64)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._pwrite = ctypes.cast(self._libc.pwrite, ctypes.c_void_p).value or 0
        try:
            for index, disk in enumerate(disks):
                self.files[index] = _open_locked(disk)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close them, which gives up the locks."""
        for index, file in enumerate(self.files.tolist()):
            if file >= 0:
                os.close(file)
                self.files[index] = -1

    def write_entries(self, ring: int, entries_max: int, failed: int) -> int:
        """`write_entries`, on these files."""
        return int(write_entries(ring, entries_max, self.files.ctypes.data, failed, self._pwrite))

    def write(self, disk: int, offset: int, data: bytes) -> None:
        """Write `data`; OSError."""
        file = int(self.files[disk])
        while data:
            count = os.pwrite(file, data, offset)
            data, offset = data[count:], offset + count

    def zero(self, disk: int, operation: int, offset: int, length: int) -> None:
        """Make `length` bytes zeros; with DISCARD give their room back, if that is to be had. OSError."""
        modes = (_PUNCH_HOLE | _KEEP_SIZE,) if operation == DISCARD else (_ZERO_RANGE | _KEEP_SIZE,)
        for mode in (*modes, _PUNCH_HOLE | _KEEP_SIZE):
            if self._fallocate(int(self.files[disk]), mode, offset, length):
                return
        while length > 0:
            data = _ZEROS[: min(length, len(_ZEROS))]
            self.write(disk, offset, data)
            offset, length = offset + len(data), length - len(data)

    def _fallocate(self, file: int, mode: int, offset: int, length: int) -> bool:
        """Whether that worked; False if the file system doesn't know how."""
        call: Any = self._libc.fallocate
        if call(ctypes.c_int(file), ctypes.c_int(mode), ctypes.c_int64(offset), ctypes.c_int64(length)) == 0:
            return True
        number = ctypes.get_errno()
        if number in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENODEV):
            return False
        raise OSError(number, os.strerror(number))

    def flush(self, disk: int) -> None:
        """Return when all that was written is on the medium; OSError."""
        if not self.disks[disk].read_only:
            os.fdatasync(int(self.files[disk]))


def _open_locked(disk: Disk) -> int:
    try:
        file = os.open(disk.path, (os.O_RDONLY if disk.read_only else os.O_RDWR) | os.O_CLOEXEC)
    except OSError as error:
        raise GuestError(f"the disk {disk.path} can't be opened: {error.strerror}") from None
    try:
        with contextlib.suppress(OSError):  # a file system that knows no locks
            _lock(file, disk)
    except GuestError:
        os.close(file)
        raise
    return file


def _lock(file: int, disk: Disk) -> None:
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if disk.read_only else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        raise GuestError(
            f"the disk {disk.path} is in use by another run: wait for it, or give a copy"
        ) from None


def refusal(result: int) -> InternalError:
    """What a ring that refuses its next entry means."""
    return InternalError(f"a host's disk output is damaged (code {result})")
