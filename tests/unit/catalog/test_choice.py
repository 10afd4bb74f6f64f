from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pytest

from lockstep.catalog.choice import GuestOptions, choose_machine
from lockstep.errors import GuestError, UsageError
from lockstep.machine.quantities import MIB

NOTHING = GuestOptions()


def with_guest(guest: str, **changes: object) -> GuestOptions:
    return dataclasses.replace(NOTHING, guest=guest, **changes)


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = SimpleNamespace(
        firmware=Path("fw"),
        kernel=Path("Image"),
        initrd=Path("initrd"),
        initrd_with_drivers=Path("drivers"),
        append="console=ttyS0",
    )
    monkeypatch.setattr("lockstep.catalog.linux.linux_guest", lambda: fetched)
    monkeypatch.setattr("lockstep.catalog.linux.uboot_guest", lambda: None)


def test_bundled_guest_by_name() -> None:
    config = choose_machine(with_guest("hello", memory="64M", harts=2, append="a=1", clock="virtual"))
    assert config.guest is not None
    assert str(config.guest).endswith("hello.elf")
    assert (config.guest_name, config.memory_bytes, config.harts) == ("hello", 64 * MIB, 2)
    assert (config.append, config.clock) == ("a=1", "virtual")


def test_file_comes_before_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hello").write_bytes(b"mine")
    assert choose_machine(with_guest("hello")).guest == Path("hello")


def test_kernel_without_guest() -> None:
    config = choose_machine(dataclasses.replace(NOTHING, kernel=Path("k"), initrd=Path("i")))
    assert (config.guest, config.kernel, config.initrd) == (None, Path("k"), Path("i"))


def test_linux_has_its_defaults_and_the_users_arguments(linux: None) -> None:
    config = choose_machine(with_guest("linux", append="run=/bin/true"))
    assert config.append == "console=ttyS0 run=/bin/true"
    assert config.memory_bytes == 256 * MIB
    assert (config.bios, config.kernel, config.initrd) == (Path("fw"), Path("Image"), Path("initrd"))


def test_linux_has_drivers_where_there_are_devices(linux: None, tmp_path: Path) -> None:
    disk = tmp_path / "d.img"
    disk.write_bytes(bytes(4096))
    for changes in ({"disks": (str(disk),)}, {"net": "user"}):
        assert choose_machine(with_guest("linux", **changes)).initrd == Path("drivers")
        assert choose_machine(with_guest("linux", initrd=Path("i"), **changes)).initrd == Path("i")


def test_linux_with_files_of_the_users_own(linux: None) -> None:
    config = choose_machine(with_guest("linux", memory="1G", bios=Path("b"), initrd=Path("i")))
    assert (config.bios, config.kernel, config.initrd) == (Path("b"), Path("Image"), Path("i"))
    assert config.memory_bytes == 1024 * MIB


def test_guest_that_is_not_fetched_says_how(linux: None) -> None:
    with pytest.raises(GuestError, match="run lockstep fetch linux"):
        choose_machine(with_guest("u-boot"))


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(GuestError, match=r"neither a file nor one of hello, .*linux, u-boot"):
        choose_machine(with_guest("helo"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (NOTHING, "nothing to run"),
        (with_guest("hello", clock="wall"), "--clock"),
        (with_guest("hello", memory="lots"), "--memory"),
        (with_guest("hello", harts=9), "--harts"),
        (with_guest("hello", kernel=Path("k")), "--kernel are both given"),
        (with_guest("linux", kernel=Path("k")), "--kernel are both given"),
    ],
)
def test_nonsense_is_refused(options: GuestOptions, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        choose_machine(options)
