"""The root file system of the guest `linux`: busybox and scripts, as an initramfs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from lockstep.catalog.cpio import character_device, directory, file, write_newc

_DEVICE_SCRIPTS = {
    "bin/serve": ("serve.sh", 0o755),
    "bin/writetest": ("writetest.sh", 0o755),
    "lib/devices.sh": ("devices.sh", 0o644),
    "lib/dhcp.sh": ("dhcp.sh", 0o755),
}


def guest_file(name: str) -> bytes:
    """A file of ours for the guest."""
    return files("lockstep.catalog").joinpath("guest_files", name).read_bytes()


def guest_scripts() -> bytes:
    """All that we put into the guest, to tell one version of it from another."""
    return b"".join(guest_file(name) for name in ("init.sh", *(name for name, _ in _DEVICE_SCRIPTS.values())))


def build_initramfs(busybox: bytes) -> bytes:
    """An uncompressed initramfs around a static riscv64 busybox; the same busybox gives the same bytes.

    It isn't compressed because unpacking would cost the guest more instructions than it saves anybody memory.
    The links to busybox's applets are made by init, since only busybox itself knows which it has.
    """
    return write_newc(
        [
            *(directory(path) for path in ("bin", "dev", "etc", "mnt", "proc", "sys")),
            directory("root", 0o700),
            directory("tmp", 0o1777),
            file("bin/busybox", busybox, 0o755),
            # The kernel opens it as its first process's standard streams, before anything is mounted.
            character_device("dev/console", 5, 1),
            file("etc/group", b"root:x:0:\n"),
            file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"),
            file("init", guest_file("init.sh"), 0o755),
        ]
    )


def build_device_files(modules: Mapping[str, bytes], lists: Mapping[str, list[str]]) -> bytes:
    """What a machine with disks or a network needs on top: the kernel unpacks one archive over the other.

    `modules` are objects by name; `lists` are names in load order, by the kind of device.
    """
    return write_newc(
        [
            *(directory(path) for path in ("bin", "lib", "lib/modules")),
            *(file(path, guest_file(name), mode) for path, (name, mode) in _DEVICE_SCRIPTS.items()),
            *(file(f"lib/modules/{name}.ko", module) for name, module in modules.items()),
            *(
                file(f"lib/modules/{kind}", "".join(f"{name}\n" for name in names).encode())
                for kind, names in lists.items()
            ),
        ]
    )
