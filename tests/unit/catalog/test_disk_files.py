from __future__ import annotations

import os
from pathlib import Path

import pytest

from lockstep.catalog.choice import GuestOptions, choose_machine
from lockstep.catalog.disk_files import choose_disks
from lockstep.errors import GuestError, LockstepError, UsageError
from lockstep.machine.config import Disk


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(name: str, size_bytes: int = 1 << 20) -> str:
    with Path(name).open("wb") as file:
        file.truncate(size_bytes)
    return name


def test_in_their_order() -> None:
    make("a.img", 512)
    make("b,with,commas.img", 1 << 40)  # sparse: a TiB of nothing
    assert choose_disks(("b,with,commas.img", "a.img,ro")) == (
        Disk(path=Path("b,with,commas.img"), size_bytes=1 << 40),
        Disk(path=Path("a.img"), size_bytes=512, read_only=True),
    )


def test_only_the_end_of_the_text_is_an_option() -> None:
    make("d,ro")
    assert choose_disks(("d,ro,ro",)) == (Disk(path=Path("d,ro"), size_bytes=1 << 20, read_only=True),)


def test_the_machine_has_them() -> None:
    config = choose_machine(GuestOptions(guest="hello", disks=(make("d.img"),), net="user"))
    assert config.disks == (Disk(path=Path("d.img"), size_bytes=1 << 20),)
    assert config.has_network


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("none.img",), "doesn't exist"),
        (("directory",), "is a directory"),
        (("directory,ro",), "is a directory"),
        (("pipe",), "neither a file nor a block device"),
        (("odd.img",), "multiple of 512"),
        (("empty.img",), "multiple of 512"),
        (("",), "names no file"),
        ((",ro",), "names no file"),
        (("a\0b",), "can't be read"),
        (("x" * 300,), "can't be read"),
        (("d.img", "./d.img"), "two disks"),
        (("d.img,ro", "link.img"), "two disks"),
        (("d.img",) * 7, "at most 6"),
    ],
)
def test_what_is_no_disk(texts: tuple[str, ...], said: str) -> None:
    make("d.img")
    make("odd.img", 1000)
    make("empty.img", 0)
    Path("directory").mkdir()
    Path("link.img").symlink_to("d.img")
    os.mkfifo("pipe")
    with pytest.raises(LockstepError, match=said) as raised:
        choose_disks(texts)
    assert "\n" not in str(raised.value)


def test_one_file_twice_if_nobody_writes() -> None:
    make("d.img")
    assert len(choose_disks(("d.img,ro", "d.img,ro"))) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_without_permission() -> None:
    Path(make("d.img")).chmod(0o400)
    assert choose_disks(("d.img,ro",))
    with pytest.raises(GuestError, match="can't be read and written: Permission denied"):
        choose_disks(("d.img",))


def test_networks() -> None:
    with pytest.raises(UsageError, match="none or user"):
        choose_machine(GuestOptions(guest="hello", net="tap"))
    with pytest.raises(UsageError, match="--clock host"):
        choose_machine(GuestOptions(guest="hello", net="user", clock="virtual"))
