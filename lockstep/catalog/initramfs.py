"""The root file system of the guest `linux`: busybox and a script, as an initramfs."""

from __future__ import annotations

from importlib.resources import files

from lockstep.catalog.cpio import Entry, character_device, directory, file, write_newc


def init_script() -> bytes:
    """The guest's first process."""
    return files("lockstep.catalog").joinpath("init.sh").read_bytes()


def build_initramfs(busybox: bytes) -> bytes:
    """An uncompressed initramfs around a static riscv64 busybox; the same busybox gives the same bytes.

    It isn't compressed because unpacking would cost the guest more instructions than it saves anybody memory.
    The links to busybox's applets are made by init, since only busybox itself knows which it has.
    """
    return write_newc(_entries(busybox))


def _entries(busybox: bytes) -> list[Entry]:
    return [
        *(directory(path) for path in ("bin", "dev", "etc", "mnt", "proc", "sys")),
        directory("root", 0o700),
        directory("tmp", 0o1777),
        file("bin/busybox", busybox, 0o755),
        # The kernel opens it as its first process's standard streams, before anything is mounted.
        character_device("dev/console", 5, 1),
        file("etc/group", b"root:x:0:\n"),
        file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"),
        file("init", init_script(), 0o755),
    ]
