"""The guest `linux` as it lies in the cache, built from small packages made here."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from lockstep.catalog import bundled, linux
from lockstep.catalog.apt import Package
from lockstep.catalog.cache import file_sha256
from lockstep.catalog.choice import GuestOptions, choose_machine
from lockstep.catalog.deb import extract_file, extract_files
from lockstep.catalog.errors import FetchError
from lockstep.catalog.kernel_image import flat_image, read_image_header
from lockstep.errors import GuestError

IMAGE = struct.pack("<8xQQ8x8x8x8x4s4x", 0x200000, 0x1E6B000, b"RSC\x05") + b"kernel"
MODULES = "usr/lib/modules/6.12.1-riscv64"
CONTENT = {
    "linux-image-6.12.1-riscv64": {
        "boot/vmlinux-6.12.1-riscv64": IMAGE,
        f"{MODULES}/modules.builtin": b"kernel/drivers/virtio/virtio.ko\nkernel/net/packet/af_packet.ko\n",
        **{
            f"{MODULES}/kernel/{name}.ko": b"\0depends=virtio\0"
            for name in ("virtio_mmio", "virtio_blk", "virtio_net", "ext4", "virtio-rng")
        },
    },
    "busybox-static": {"usr/bin/busybox": b"busybox"},
    "opensbi": {"usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.bin": b"firmware"},
    "u-boot-qemu": {"usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin": b"u-boot"},
}

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed")


def make_deb(directory: Path, name: str, files: dict[str, bytes]) -> Path:
    root = directory / f"root-{name}"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: riscv64\nMaintainer: nobody\nDescription: test\n"
    )
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    deb = directory / f"{name}.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", root, deb], check=True, capture_output=True)
    return deb


class FakeMirror:
    """Stands in for apt: packages of ours, and a count of how often they were asked for."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.debs = {name: make_deb(directory, name, files) for name, files in CONTENT.items()}
        self.download_count = 0
        monkeypatch.setattr(linux, "open_suite", lambda *_: None)
        monkeypatch.setattr(linux, "find_package", self._find)
        monkeypatch.setattr(linux, "download", self._download)

    def _find(self, _apt: object, name: str) -> Package:
        if name == "linux-image-riscv64":
            return Package(name, "1", "", 0, "linux-image-6.12.1-riscv64 (= 1)")
        return Package(name, "1", file_sha256(self.debs[name]), self.debs[name].stat().st_size)

    def _download(self, *_: object) -> dict[str, Path]:
        self.download_count += 1
        return self.debs


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMirror:
    monkeypatch.setenv("LOCKSTEP_CACHE", str(tmp_path / "cache"))
    return FakeMirror(tmp_path, monkeypatch)


def silent(what: str, fraction: float | None) -> None:
    pass


@needs_dpkg
def test_fetch_makes_the_guest_and_a_second_one_does_nothing(mirror: FakeMirror) -> None:
    assert linux.linux_guest() is None
    assert linux.uboot_guest() is None
    guest = linux.fetch_linux(silent)
    assert guest.kernel.read_bytes() == IMAGE
    assert guest.firmware.read_bytes() == b"firmware"
    assert b"busybox" in guest.initrd.read_bytes()
    assert guest.modules == ("virtio_mmio", "virtio_blk", "ext4", "virtio_net", "virtio_rng")
    uboot = linux.uboot_guest()
    assert uboot is not None
    assert uboot.kernel.read_bytes() == b"u-boot"
    assert linux.fetch_linux(silent) == guest == linux.linux_guest()
    assert mirror.download_count == 1
    assert linux.fetch_linux(silent, update=True) == guest
    assert mirror.download_count == 2


@needs_dpkg
def test_drivers_lie_in_an_archive_behind_that_of_every_guest(mirror: FakeMirror) -> None:
    guest = linux.fetch_linux(silent)
    plain = guest.initrd.read_bytes()
    assert b"lib/modules" not in plain
    assert guest.initrd_with_drivers is not None
    both = guest.initrd_with_drivers.read_bytes()
    assert both.startswith(plain)
    for file in ("bin/writetest", "bin/serve", "lib/devices.sh", "lib/modules/virtio_blk.ko"):
        assert file.encode() + b"\0" in both
    assert b"virtio_blk\next4\n" in both, "the disk's modules in load order"


@needs_dpkg
def test_guest_of_an_older_fetch_runs_without_drivers(
    mirror: FakeMirror, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    guest = linux.fetch_linux(silent)
    manifest = json.loads(guest.manifest.read_text())
    del manifest["files"]["initrd-with-drivers"]
    guest.manifest.write_text(json.dumps(manifest))
    old = linux.linux_guest()
    assert old is not None
    assert old.initrd_with_drivers is None
    assert choose_machine(GuestOptions(guest="linux")).initrd == old.initrd
    disk = tmp_path / "d.img"
    disk.write_bytes(bytes(4096))
    with pytest.raises(GuestError, match="run lockstep fetch linux"):
        choose_machine(GuestOptions(guest="linux", disks=(str(disk),)))


@needs_dpkg
def test_damaged_guest_is_made_anew(mirror: FakeMirror) -> None:
    guest = linux.fetch_linux(silent)
    guest.kernel.write_bytes(IMAGE[:-1] + b"X")
    assert linux.fetch_linux(silent).kernel.read_bytes() == IMAGE
    guest.initrd.unlink()
    assert linux.linux_guest() is None
    assert linux.fetch_linux(silent).initrd.is_file()
    assert mirror.download_count == 3


@needs_dpkg
def test_other_recipe_makes_it_anew(mirror: FakeMirror, monkeypatch: pytest.MonkeyPatch) -> None:
    linux.fetch_linux(silent)
    monkeypatch.setattr(linux, "recipe", lambda: "other")
    linux.fetch_linux(silent)
    assert mirror.download_count == 2


@needs_dpkg
def test_full_disk_is_one_line_and_leaves_no_guest(
    mirror: FakeMirror, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object) -> bytes:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(linux, "build_initramfs", full)
        with pytest.raises(FetchError, match=r"^no room in .*LOCKSTEP_CACHE"):
            linux.fetch_linux(silent)
    assert linux.linux_guest() is None
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["fetch.lock"]
    linux.fetch_linux(silent)


@needs_dpkg
def test_left_overs_of_a_killed_fetch_are_removed(mirror: FakeMirror, tmp_path: Path) -> None:
    left_over = tmp_path / "cache" / "building-killed" / "guest"
    left_over.mkdir(parents=True)
    linux.fetch_linux(silent)
    assert not left_over.parent.exists()


@needs_dpkg
def test_package_without_the_file_or_damaged_is_a_fetch_error(mirror: FakeMirror, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"opensbi\.deb has no usr/bin/absent"):
        extract_file(mirror.debs["opensbi"], "usr/bin/absent")
    cut = tmp_path / "cut.deb"
    cut.write_bytes(mirror.debs["opensbi"].read_bytes()[:-60])
    with pytest.raises(FetchError, match=r"cut\.deb can't be unpacked"):
        extract_files(cut, lambda path: True)


def test_kernel_that_is_no_image_is_refused() -> None:
    assert read_image_header(IMAGE).text_offset_bytes == 0x200000
    assert read_image_header(IMAGE).image_bytes == 0x1E6B000
    for kernel in (b"", b"MZ", b"\x7fELF" + bytes(100)):
        with pytest.raises(FetchError, match="not a flat riscv64 Image"):
            flat_image(kernel)


@needs_dpkg
def test_list_of_guests_says_what_is_here(mirror: FakeMirror) -> None:
    before = {entry.name: entry for entry in bundled.list_guests()}
    assert set(before) == {*bundled.BUNDLED_GUESTS, "linux", "u-boot"}
    assert not before["linux"].is_available
    assert before["linux"].obtained_by == "lockstep fetch linux"
    guest = linux.fetch_linux(silent)
    after = {entry.name: entry for entry in bundled.list_guests()}
    assert after["linux"].path == guest.kernel
    assert after["u-boot"].is_available
    assert bundled.bundled_guest("linux") is None
    assert bundled.bundled_guest("../hello") is None


def test_guests_of_a_wheel_come_before_those_of_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lockstep"
    for directory in bundled.guest_directories(package):
        directory.mkdir(parents=True)
    monkeypatch.setattr(bundled, "_PACKAGE", package)
    assert bundled.bundled_guest("hello") is None
    (tmp_path / "guests" / "hello.elf").write_text("")
    assert bundled.bundled_guest("hello") == tmp_path / "guests" / "hello.elf"
    (package / "_guests" / "hello.elf").write_text("")
    assert bundled.bundled_guest("hello") == package / "_guests" / "hello.elf"
