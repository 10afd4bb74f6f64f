"""Kernel modules: what they depend on, read from the modules themselves."""

from __future__ import annotations

import gzip
import lzma

import pytest

from lockstep.catalog.errors import FetchError
from lockstep.catalog.modules import module_info, module_name, modules_in_load_order, unpack_module


def module(*info: str) -> bytes:
    return b"\x7fELF\0" + b"".join(line.encode() + b"\0" for line in ("license=GPL", *info)) + b"code"


FILES = {
    "lib/modules/6/kernel/fs/ext4/ext4.ko.xz": lzma.compress(
        module("softdep=pre: crypto-crc32c", "depends=jbd2,mbcache")
    ),
    "lib/modules/6/kernel/fs/jbd2/jbd2.ko.gz": gzip.compress(module("depends=")),
    "lib/modules/6/kernel/fs/mbcache.ko": module("depends=inside"),
    "lib/modules/6/kernel/crypto/crc32c-generic.ko.xz": lzma.compress(
        module("alias=crc32c", "alias=crypto-crc32c", "depends=")
    ),
    "lib/modules/6/kernel/drivers/net/lonely.ko": module("softdep=post: absent pre: absent", "depends="),
    "lib/modules/6/kernel/drivers/net/broken.ko": module("depends=absent"),
}
BUILT_IN = ["kernel/lib/inside.ko"]


def test_name_and_info() -> None:
    assert module_name("kernel/crypto/crc32c-generic.ko.xz") == "crc32c_generic"
    data = unpack_module("x.ko.xz", FILES["lib/modules/6/kernel/crypto/crc32c-generic.ko.xz"])
    assert module_info(data, "alias") == ["crc32c", "crypto-crc32c"]
    assert module_info(data, "depends") == [""]
    assert module_info(data, "lias") == []


def test_dependencies_come_first_and_built_in_ones_not_at_all() -> None:
    found = modules_in_load_order(FILES, BUILT_IN, ["ext4"])
    assert list(found) == ["jbd2", "mbcache", "crc32c_generic", "ext4"]
    assert all(data.startswith(b"\x7fELF") for data in found.values())


def test_soft_dependency_may_be_absent_but_a_hard_one_may_not() -> None:
    assert list(modules_in_load_order(FILES, BUILT_IN, ["lonely"])) == ["lonely"]
    with pytest.raises(FetchError, match="no module absent"):
        modules_in_load_order(FILES, BUILT_IN, ["broken"])
