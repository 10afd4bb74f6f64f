"""The archive format of an initramfs: cpio in its "newc" form.

Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass

_MAGIC = b"070701"
_TRAILER = "TRAILER!!!"
_ALIGNMENT_BYTES = 4
_ARCHIVE_ALIGNMENT_BYTES = 512


@dataclass(frozen=True)
class Entry:
    """One file, directory, symbolic link or device node, owned by root."""

    path: str
    """Relative to the root, without a leading slash."""
    mode: int
    """Type and permissions, as stat(2) has them."""
    data: bytes = b""
    """A file's content or a link's target."""
    device: tuple[int, int] = (0, 0)
    """Major and minor number of a device node."""


def directory(path: str, permissions: int = 0o755) -> Entry:
    """A directory."""
    return Entry(path, stat.S_IFDIR | permissions)


def file(path: str, data: bytes, permissions: int = 0o644) -> Entry:
    """A regular file."""
    return Entry(path, stat.S_IFREG | permissions, data)


def symbolic_link(path: str, target: str) -> Entry:
    """A symbolic link."""
    return Entry(path, stat.S_IFLNK | 0o777, target.encode())


def character_device(path: str, major: int, minor: int, permissions: int = 0o600) -> Entry:
    """A character device."""
    return Entry(path, stat.S_IFCHR | permissions, device=(major, minor))


def write_newc(entries: Iterable[Entry]) -> bytes:
    """The archive of the entries, sorted by path: equal entries give equal bytes (inodes by order, all times
    0).
    """
    chunks = [_record(inode, entry) for inode, entry in enumerate(_sorted(entries), start=1)]
    chunks.append(_record(0, Entry(_TRAILER, 0)))
    return _padded(b"".join(chunks), _ARCHIVE_ALIGNMENT_BYTES)


def _sorted(entries: Iterable[Entry]) -> list[Entry]:
    # By components, so that a directory comes before everything in it.
    ordered = sorted(entries, key=lambda entry: entry.path.split("/"))
    paths = [entry.path for entry in ordered]
    if len(set(paths)) != len(paths):
        raise ValueError("two entries have the same path")
    return ordered


def _record(inode: int, entry: Entry) -> bytes:
    name = entry.path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    major, minor = entry.device
    # inode, mode, uid, gid, links, mtime, size, device of the file (2), device it is (2), name size, checksum
    fields = (inode, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, major, minor, len(name), 0)
    header = _MAGIC + b"".join(b"%08X" % value for value in fields)
    return _padded(header + name, _ALIGNMENT_BYTES) + _padded(entry.data, _ALIGNMENT_BYTES)


def _padded(data: bytes, alignment_bytes: int) -> bytes:
    return data + bytes(-len(data) % alignment_bytes)
