"""`lockstep fetch linux`: Debian's kernel, a busybox initramfs, OpenSBI and U-Boot in the user's cache.

A fetch builds the guest in a directory of its own, moves that into place, and then replaces the manifest,
which alone says where the guest is. So an interrupted fetch leaves the guest that was there before, or none.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lockstep.catalog.apt import Package, download, exact_dependency, find_package, open_suite
from lockstep.catalog.cache import Progress, cache_lock, write_atomically
from lockstep.catalog.deb import extract_file, extract_files
from lockstep.catalog.errors import FetchError
from lockstep.catalog.initramfs import build_device_files, build_initramfs, guest_scripts
from lockstep.catalog.kernel_image import flat_image
from lockstep.catalog.manifest import (
    Manifest,
    are_files_intact,
    are_files_present,
    describe_files,
    encode_manifest,
    load_manifest,
)
from lockstep.catalog.module_symbols import without_debug_symbols
from lockstep.catalog.modules import NEEDED_MODULES, modules_in_load_order
from lockstep.paths import cache_directory

SUITE = "trixie"
DEFAULT_APPEND = "console=ttyS0"
MEMORY_MIN_BYTES = 96 << 20
"""Below this the kernel, its initramfs and what it sets up at boot don't fit."""
MEMORY_RECOMMENDED_BYTES = 128 << 20

_RECIPE_VERSION = 2
_BUILDING = "building-"
_INITRD, _INITRD_WITH_DRIVERS = "initrd", "initrd-with-drivers"
_KERNEL_METAPACKAGE = "linux-image-riscv64"
_OTHER_PACKAGES = ("busybox-static", "opensbi", "u-boot-qemu")
_FIRMWARE_PATH = "usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.bin"
_UBOOT_PATH = "usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin"
_BUSYBOX_PATHS = ("usr/bin/busybox", "bin/busybox")


@dataclass(frozen=True)
class LinuxGuest:
    """Debian Linux, ready to be loaded."""

    firmware: Path
    """OpenSBI's fw_jump: loaded at 0x8000_0000, it jumps to 0x8020_0000 with a device tree at 0x8220_0000."""
    kernel: Path
    """A flat Image, loaded at 0x8020_0000."""
    initrd: Path
    initrd_with_drivers: Path | None
    """The same and what a machine with disks or a network needs; None if the fetch was that of an older version."""
    append: str
    """Kernel arguments that precede the user's."""
    modules: tuple[str, ...]
    """The kernel modules in `initrd_with_drivers`."""
    versions: dict[str, str]
    """Versions of the Debian packages, by name."""
    manifest: Path
    memory_min_bytes: int = MEMORY_MIN_BYTES
    memory_recommended_bytes: int = MEMORY_RECOMMENDED_BYTES


@dataclass(frozen=True)
class UBootGuest:
    """U-Boot in supervisor mode, loaded like a kernel."""

    firmware: Path
    kernel: Path
    versions: dict[str, str]


def linux_guest() -> LinuxGuest | None:
    """The guest that a fetch has left in the cache; None if there is none."""
    found = _fetched(cache_directory())
    return _linux_guest(*found) if found else None


def uboot_guest() -> UBootGuest | None:
    """Likewise for U-Boot, which the same fetch brings."""
    found = _fetched(cache_directory())
    if found is None:
        return None
    cache, manifest = found
    directory = cache / manifest.directory
    return UBootGuest(directory / "fw_jump.bin", directory / "u-boot.bin", manifest.versions)


def fetch_linux(progress: Progress, update: bool = False) -> LinuxGuest:
    """Brings the guests `linux` and `u-boot` into the cache; does nothing, without network, if they are
    there.

    With `update` it asks the mirror even then, and rebuilds if packages have newer versions. Raises
    FetchError.
    """
    cache = cache_directory()
    with cache_lock(cache, progress):
        try:
            manifest = load_manifest(_manifest_path(cache))
            if manifest is None or update or not _is_current(cache, manifest):
                manifest = _fetch(cache, progress)
        except OSError as error:
            raise FetchError(_os_error_message(cache, error)) from error
        progress("Linux is in the cache", 1.0)
        return _linux_guest(cache, manifest)


def _fetched(cache: Path) -> tuple[Path, Manifest] | None:
    manifest = load_manifest(_manifest_path(cache))
    if manifest is None or not are_files_present(cache / manifest.directory, manifest.files):
        return None
    return cache, manifest


def _linux_guest(cache: Path, manifest: Manifest) -> LinuxGuest:
    directory = cache / manifest.directory
    return LinuxGuest(
        firmware=directory / "fw_jump.bin",
        kernel=directory / "Image",
        initrd=directory / _INITRD,
        initrd_with_drivers=directory / _INITRD_WITH_DRIVERS
        if _INITRD_WITH_DRIVERS in manifest.files
        else None,
        append=manifest.append,
        modules=tuple(manifest.modules),
        versions=manifest.versions,
        manifest=_manifest_path(cache),
    )


def _manifest_path(cache: Path) -> Path:
    return cache / "linux.json"


def _is_current(cache: Path, manifest: Manifest) -> bool:
    return manifest.recipe == recipe() and are_files_intact(cache / manifest.directory, manifest.files)


def recipe() -> str:
    """Changes when the same packages would be made into other files."""
    return f"{_RECIPE_VERSION}-{hashlib.sha256(guest_scripts()).hexdigest()[:16]}"


def _fetch(cache: Path, progress: Progress) -> Manifest:
    apt = open_suite(cache / "apt", SUITE, _KERNEL_METAPACKAGE, progress)
    kernel = exact_dependency(find_package(apt, _KERNEL_METAPACKAGE), "linux-image-")
    packages = [find_package(apt, name) for name in (kernel, *_OTHER_PACKAGES)]
    debs = download(apt, packages, cache / "debs", progress)
    progress("unpacking the packages", None)
    manifest = _build(cache, packages, debs, debs[kernel])
    write_atomically(_manifest_path(cache), encode_manifest(manifest))
    # The lists are fetched anew each time and are larger than the guest.
    shutil.rmtree(cache / "apt", ignore_errors=True)
    for outdated in set((cache / "debs").glob("*.deb")) - set(debs.values()):
        outdated.unlink()
    return manifest


def _build(cache: Path, packages: list[Package], debs: dict[str, Path], kernel_deb: Path) -> Manifest:
    for left_behind in cache.glob(f"{_BUILDING}*"):  # by a fetch that was killed: we hold the lock
        shutil.rmtree(left_behind, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=_BUILDING) as temporary:
        building = Path(temporary) / "guest"
        building.mkdir()
        modules, device_files = _write_kernel(building, kernel_deb)
        initramfs = build_initramfs(_busybox(debs["busybox-static"]))
        (building / _INITRD).write_bytes(initramfs)
        (building / _INITRD_WITH_DRIVERS).write_bytes(initramfs + device_files)
        (building / "fw_jump.bin").write_bytes(extract_file(debs["opensbi"], _FIRMWARE_PATH))
        (building / "u-boot.bin").write_bytes(extract_file(debs["u-boot-qemu"], _UBOOT_PATH))
        files = describe_files(
            building, ["fw_jump.bin", "Image", _INITRD, _INITRD_WITH_DRIVERS, "u-boot.bin"]
        )
        identity = "".join(f"{name}:{file.sha256};" for name, file in sorted(files.items()))
        manifest = Manifest(
            recipe=recipe(),
            suite=SUITE,
            directory=f"linux-{hashlib.sha256(identity.encode()).hexdigest()[:16]}",
            append=DEFAULT_APPEND,
            versions={package.name: package.version for package in packages},
            packages={package.name: package.sha256 for package in packages},
            modules=modules,
            files=files,
        )
        _move_into_place(building, cache / manifest.directory, manifest)
    return manifest


def _move_into_place(building: Path, directory: Path, manifest: Manifest) -> None:
    """The directory's name is made of its content: one that is intact may be in use and stays."""
    if are_files_intact(directory, manifest.files):
        return
    shutil.rmtree(directory, ignore_errors=True)
    building.rename(directory)


def _write_kernel(building: Path, kernel_deb: Path) -> tuple[list[str], bytes]:
    """Writes Image; returns the names of the modules that devices need, and the archive that has them."""
    found = extract_files(kernel_deb, lambda path: path.startswith("boot/vmlinu") or "/modules/" in path)
    kernels = [data for path, data in found.items() if path.startswith("boot/")]
    if len(kernels) != 1:
        raise FetchError(f"{kernel_deb.name} has {len(kernels)} kernels in /boot; one was expected")
    (building / "Image").write_bytes(flat_image(kernels[0]))
    built_in = [data for path, data in found.items() if path.endswith("/modules.builtin")]
    files = {path: data for path, data in found.items() if ".ko" in path}
    inside = b"".join(built_in).decode().splitlines()
    modules: dict[str, bytes] = {}
    lists: dict[str, list[str]] = {}
    for kind, needed in NEEDED_MODULES.items():
        ordered = modules_in_load_order(files, inside, needed)
        lists[kind] = list(ordered)
        modules |= {name: without_debug_symbols(module) for name, module in ordered.items()}
    return list(modules), build_device_files(modules, lists)


def _busybox(package: Path) -> bytes:
    found = extract_files(package, lambda path: path in _BUSYBOX_PATHS)
    if not found:
        raise FetchError(f"{package.name} has no {_BUSYBOX_PATHS[0]}")
    return next(iter(found.values()))


def _os_error_message(cache: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no room in {cache}: free some, or set LOCKSTEP_CACHE to a directory elsewhere"
    return f"the fetch into {cache} failed: {error.strerror or error}" + (
        f" ({error.filename})" if error.filename else ""
    )
