"""Kernel modules: the ones that the guest's disks and network will need, in the order in which they can be
loaded.

Debian's package has no modules.dep (depmod makes it at installation), so dependencies are read from the
modules' own `.modinfo`: `name=value` strings, each ended by a zero byte.
"""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from lockstep.catalog.errors import FetchError

NEEDED_MODULES: dict[str, tuple[str, ...]] = {
    "virtio": ("virtio_mmio",),
    "disk": ("virtio_blk", "ext4"),
    "network": ("virtio_net", "af_packet"),
    "entropy": ("virtio_rng",),
}
"""Modules by the kind of device that needs them; af_packet is for DHCP."""

_ALIAS_DIRECTORIES = ("/kernel/crypto/", "/kernel/arch/", "/kernel/lib/")
"""Where modules that are only named by an alias (`crypto-crc32c`) live."""


def module_name(path: str) -> str:
    """The name the kernel uses: `kernel/crypto/crc32c-generic.ko.xz` is crc32c_generic."""
    return PurePosixPath(path).name.split(".ko")[0].replace("-", "_")


def unpack_module(path: str, data: bytes) -> bytes:
    """A module's ELF object from its file, which may be compressed."""
    if path.endswith(".xz"):
        return lzma.decompress(data)
    return gzip.decompress(data) if path.endswith(".gz") else data


def module_info(module: bytes, key: str) -> list[str]:
    """All values of a key of a module's .modinfo."""
    prefix = b"\0" + key.encode() + b"="
    return [part.split(b"\0", 1)[0].decode(errors="replace") for part in module.split(prefix)[1:]]


def modules_in_load_order(
    files: Mapping[str, bytes], built_in: Iterable[str], needed: Iterable[str]
) -> dict[str, bytes]:
    """The needed modules and all that they depend on, dependencies first: names and unpacked objects.

    `files` are the package's module files by path, `built_in` the lines of its modules.builtin.
    """
    paths = {module_name(path): path for path in files}
    inside = {module_name(line) for line in built_in}
    aliases: dict[str, str] = {}
    ordered: dict[str, bytes] = {}

    def add(name: str, is_required: bool) -> None:
        if name in ordered or name in inside:
            return
        if name not in paths:
            if is_required:
                raise FetchError(f"the kernel's package has no module {name}")
            return
        module = unpack_module(paths[name], files[paths[name]])
        for dependency in ",".join(module_info(module, "depends")).split(","):
            if dependency:
                add(dependency.replace("-", "_"), is_required=True)
        for alias in _loaded_before(module):
            aliases.update(_aliases(files) if not aliases else {})
            add(aliases.get(alias, alias.replace("-", "_")), is_required=False)
        ordered[name] = module

    for name in needed:
        add(name, is_required=True)
    return ordered


def _loaded_before(module: bytes) -> list[str]:
    """The modules that this one asks to have loaded before it, if there are any such (`softdep=pre: a b post:
    c`).
    """
    names = []
    for text in module_info(module, "softdep"):
        is_before = False
        for word in text.split():
            if word.endswith(":"):
                is_before = word == "pre:"
            elif is_before:
                names.append(word)
    return names


def _aliases(files: Mapping[str, bytes]) -> dict[str, str]:
    return {
        alias: module_name(path)
        for path in sorted(files)
        if any(directory in path for directory in _ALIAS_DIRECTORIES)
        for alias in module_info(unpack_module(path, files[path]), "alias")
    }
