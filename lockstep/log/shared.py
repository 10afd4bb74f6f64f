"""A ring in anonymous shared memory, as an object for the Python side.

The memory has no name: it lives as long as a process holds its descriptor or maps it, so nothing is left
behind whoever is killed. Its size is sealed, so that nobody can shrink it under a reader (SIGBUS).
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
from types import TracebackType

from lockstep.errors import LogError
from lockstep.log import calls
from lockstep.log.entry import Entry, copy_entry
from lockstep.log.errors import (
    BAD_CAPACITY,
    BAD_HEADER,
    FOREIGN_MAGIC,
    FOREIGN_RING,
    FULL,
    log_error,
    raise_if_error,
)
from lockstep.log.layout import (
    CAPACITY,
    CAPACITY_BYTES_MAX,
    CAPACITY_BYTES_MIN,
    ENTRY_SIZE,
    HEAD,
    HEADER_SIZE,
    KIND_PADDING,
    TAIL,
    WORD_SIZE,
    block_size,
)


def _has_fixed_size(fd: int) -> bool:
    try:
        return bool(fcntl.fcntl(fd, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK)
    except OSError:  # a file that knows no seals
        return False


def _shared_memory(size: int) -> tuple[int, mmap.mmap]:
    fd = os.memfd_create("lockstep-log", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(fd, size)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        return fd, mmap.mmap(fd, size)
    except BaseException:
        os.close(fd)
        raise


class SharedRing:
    """One ring mapped into this process. `base` is what the nopython functions take; `fd` can be passed on.

    A ring has one producer and one consumer, in whatever processes; the object itself takes no side.
    Methods raise a `LogError` of `lockstep.log.errors`. Close it when nopython code no longer uses `base`.
    """

    def __init__(self, fd: int, mapping: mmap.mmap) -> None:
        """Own `fd` and `mapping`; use `create` or `attach` instead."""
        self.fd = fd
        self._mapping = mapping
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(mapping))

    @classmethod
    def create(cls, capacity_bytes: int, generation: int, secondary: int) -> SharedRing:
        """Make an empty ring for one (generation, secondary); `capacity_bytes` is a power of two.

        Raises a `LogError` if there is no memory for it.
        """
        if not CAPACITY_BYTES_MIN <= capacity_bytes <= CAPACITY_BYTES_MAX:
            raise log_error(BAD_CAPACITY)
        size = block_size(capacity_bytes)
        try:
            fd, mapping = _shared_memory(size)
        except OSError as error:
            raise LogError(
                f"no shared memory of {size >> 20} MiB for the log ({error.strerror}): see ulimit -a"
            ) from None
        created = cls(fd, mapping)
        try:
            raise_if_error(calls.create(created.base, capacity_bytes, generation, secondary))
        except BaseException:
            os.close(fd)
            raise
        return created

    @classmethod
    def attach(cls, fd: int, generation: int, secondary: int) -> SharedRing:
        """Map the ring behind `fd` (which the object owns from now on, if this succeeds).

        Raises a `LogError` for what isn't a ring of this version or not this (generation, secondary)'s.
        """
        size = os.fstat(fd).st_size
        if size < block_size(CAPACITY_BYTES_MIN) or not _has_fixed_size(fd):
            raise log_error(FOREIGN_MAGIC)
        mapping = mmap.mmap(fd, size)
        attached = cls(fd, mapping)
        try:
            raise_if_error(calls.check(attached.base))
            if size != block_size(attached.capacity_bytes):
                raise log_error(BAD_HEADER)
            if (attached.generation, attached.secondary) != (generation, secondary):
                raise log_error(FOREIGN_RING)
        except BaseException:
            mapping.close()
            raise
        return attached

    def __enter__(self) -> SharedRing:
        """Close at the end of a `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Unmap the memory and close the descriptor; `base` is 0 afterwards. May be called again."""
        if self.base:
            self.base = 0
            self._mapping.close()
            os.close(self.fd)
            self.fd = -1

    @property
    def capacity_bytes(self) -> int:
        """Bytes for entries, headers and padding included."""
        return ctypes.c_int64.from_address(self.base + CAPACITY).value

    @property
    def size_bytes(self) -> int:
        """Bytes of shared memory."""
        return HEADER_SIZE + self.capacity_bytes

    @property
    def generation(self) -> int:
        """The generation that the ring belongs to."""
        return int(calls.generation(self.base))

    @property
    def secondary(self) -> int:
        """The number of the secondary that the ring belongs to."""
        return int(calls.secondary(self.base))

    def append(self, kind: int, position: int, pc: int, payload: bytes = b"") -> int | None:
        """Append an entry; its sequence number, or None if the ring is full: try again later."""
        address = ctypes.cast(ctypes.c_char_p(payload), ctypes.c_void_p).value or 0
        sequence = calls.append(self.base, kind, position, pc, address, len(payload))
        return None if sequence == FULL else raise_if_error(sequence)

    def peek(self) -> Entry | None:
        """A copy of the next entry, if there is one."""
        address = raise_if_error(calls.peek(self.base))
        return copy_entry(address) if address else None

    def waiting(self) -> list[Entry]:
        """For the consumer: copies of all entries that were appended and not consumed yet."""
        head, tail = (ctypes.c_int64.from_address(self.base + at).value for at in (HEAD, TAIL))
        entries = []
        while head < tail:
            entry = copy_entry(self.base + HEADER_SIZE + head % self.capacity_bytes)
            if entry.kind == KIND_PADDING:
                head += self.capacity_bytes - head % self.capacity_bytes
                continue
            entries.append(entry)
            head += ENTRY_SIZE + -(-len(entry.payload) // WORD_SIZE) * WORD_SIZE
        return entries

    def pop(self) -> None:
        """Consume the entry that `peek` returned."""
        raise_if_error(calls.pop(self.base))

    def publish(self, horizon: int) -> None:
        """Promise that every entry stamped below `horizon` was appended."""
        calls.publish(self.base, horizon)

    def horizon(self) -> int:
        """The horizon published. Read it before looking for entries."""
        return int(calls.horizon(self.base))

    def acknowledge(self, position: int) -> None:
        """Tell the producer that the consumer holds everything up to `position`."""
        calls.acknowledge(self.base, position)

    def acknowledged(self) -> int:
        """The highest position acknowledged."""
        return int(calls.acknowledged(self.base))

    def used(self) -> int:
        """Bytes appended and not consumed."""
        return int(calls.used(self.base))

    def seal(self) -> int:
        """Cut the log; the bytes that remain visible, counted since the ring was made."""
        return int(calls.seal(self.base))

    def sealed(self) -> bool:
        """Whether the log was cut."""
        return bool(calls.sealed(self.base))
