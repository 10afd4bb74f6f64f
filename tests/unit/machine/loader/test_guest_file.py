"""Files that can't be read, each with a line of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lockstep.errors import GuestError
from lockstep.machine.loader import guest_file
from lockstep.machine.loader.guest_file import open_guest_file, sha256_of


def complaint(path: Path) -> str:
    with pytest.raises(GuestError) as caught, open_guest_file(path, "kernel"):
        pass
    return str(caught.value)


def test_a_file_reads_whole_and_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_file, "CHUNK_BYTES", 3)
    path = tmp_path / "guest"
    path.write_bytes(b"0123456789")
    with open_guest_file(path, "guest") as file:
        assert file.read(2, 3) == b"234"
        assert file.head(4) == b"0123"
        assert file.head(40) == b"0123456789"
        assert list(file.chunks()) == [b"012", b"345", b"678", b"9"]
        with pytest.raises(GuestError, match="truncated: it needs 11 bytes and has 10"):
            file.read(8, 3)


def test_the_digest_runs_over_all_files_in_order() -> None:
    with open_guest_file(b"ab", "firmware") as first, open_guest_file(b"c", "kernel") as second:
        # The SHA-256 of "abc": FIPS 180-4's example.
        assert (
            sha256_of([first, second]) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )


def test_missing(tmp_path: Path) -> None:
    text = complaint(tmp_path / "none")
    assert text == f"kernel {tmp_path / 'none'} can't be read: No such file or directory; " + (
        "check the path and its permissions"
    )


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert "is empty" in complaint(tmp_path / "empty")


def test_directory(tmp_path: Path) -> None:
    assert "is a directory" in complaint(tmp_path)


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is not a regular file" in complaint(tmp_path / "pipe")


def test_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"x")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # chmod doesn't stop root
    assert "can't be read: Permission denied" in complaint(path)


@pytest.mark.parametrize("name", ["two\nlines", "nul\0", "\udc80"])
def test_odd_names_stay_on_one_printable_line(tmp_path: Path, name: str) -> None:
    assert complaint(tmp_path / name).isprintable()


def test_a_name_longer_than_the_system_allows(tmp_path: Path) -> None:
    assert "can't be read" in complaint(tmp_path / ("x" * 5000))


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "guest"
    path.write_bytes(bytes(100_000))
    with open_guest_file(path, "guest") as file:
        os.truncate(path, 10)
        with pytest.raises(GuestError, match="became shorter"):
            file.read(50_000, 50_000)
