"""The cpio writer: read back by us and by the cpio program, and the same bytes for the same entries."""

from __future__ import annotations

import random
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.catalog.cpio import (
    Entry,
    character_device,
    directory,
    file,
    symbolic_link,
    write_newc,
)

ENTRIES = [
    file("etc/name with space", b"12345"),
    directory("etc", 0o700),
    file("init", b"#!/bin/sh\n", 0o755),
    symbolic_link("sh", "etc/passwd"),
    character_device("console", 5, 1),
    file("empty", b""),
]


def parse_newc(archive: bytes) -> list[tuple[int, Entry]]:
    """Inode numbers and entries up to the trailer."""
    found, offset = [], 0
    while True:
        assert archive[offset : offset + 6] == b"070701", f"no magic at {offset}"
        fields = [int(archive[offset + 6 + 8 * i : offset + 14 + 8 * i], 16) for i in range(13)]
        inode, mode, uid, gid, _, mtime, size, _, _, major, minor, name_size, checksum = fields
        assert (uid, gid, mtime, checksum) == (0, 0, 0, 0)
        name = archive[offset + 110 : offset + 110 + name_size - 1].decode()
        data_start = (offset + 110 + name_size + 3) // 4 * 4
        if name == "TRAILER!!!":
            assert not any(archive[data_start:])
            return found
        data = archive[data_start : data_start + size]
        found.append((inode, Entry(name, mode, data, (major, minor))))
        offset = (data_start + size + 3) // 4 * 4


def test_entries_come_back_sorted_with_parents_first() -> None:
    parsed = parse_newc(write_newc(ENTRIES))
    assert [inode for inode, _ in parsed] == [1, 2, 3, 4, 5, 6]
    assert [entry.path for _, entry in parsed] == [
        "console",
        "empty",
        "etc",
        "etc/name with space",
        "init",
        "sh",
    ]
    assert {entry.path: entry for _, entry in parsed} == {entry.path: entry for entry in ENTRIES}


def test_order_of_entries_does_not_matter() -> None:
    shuffled = ENTRIES.copy()
    random.Random(1).shuffle(shuffled)
    assert shuffled != ENTRIES
    assert write_newc(shuffled) == write_newc(ENTRIES)


def test_directory_precedes_its_content_whatever_the_characters() -> None:
    entries = [file("a/b", b""), directory("a"), file("a-b", b""), file("a.b", b"")]
    paths = [entry.path for _, entry in parse_newc(write_newc(entries))]
    assert paths.index("a") < paths.index("a/b")


def test_two_entries_with_one_path_are_refused() -> None:
    with pytest.raises(ValueError, match="same path"):
        write_newc([file("a", b"1"), file("a", b"2")])


@pytest.mark.skipif(shutil.which("cpio") is None, reason="the cpio program is not installed")
def test_cpio_program_unpacks_it(tmp_path: Path) -> None:
    entries = [entry for entry in ENTRIES if not stat.S_ISCHR(entry.mode)]
    command = ["cpio", "--extract", "--quiet", "--no-absolute-filenames"]
    result = subprocess.run(
        command, input=write_newc(entries), cwd=tmp_path, capture_output=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert (tmp_path / "etc" / "name with space").read_bytes() == b"12345"
    assert (tmp_path / "sh").readlink() == Path("etc/passwd")
    assert stat.S_IMODE((tmp_path / "init").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "etc").stat().st_mode) == 0o700


@pytest.mark.skipif(shutil.which("cpio") is None, reason="the cpio program is not installed")
def test_cpio_program_lists_the_device() -> None:
    command = ["cpio", "--list", "--verbose", "--numeric-uid-gid", "--quiet"]
    listing = subprocess.run(
        command, input=write_newc(ENTRIES), capture_output=True, check=True
    ).stdout.decode()
    console = next(line for line in listing.splitlines() if line.endswith("console"))
    assert console.split()[:6] == ["crw-------", "1", "0", "0", "5,", "1"]


paths = st.text("ab/.-_ü", min_size=1, max_size=12).filter(lambda path: path.strip("/") == path)


@given(st.dictionaries(paths, st.binary(max_size=40), max_size=8))
def test_any_files_come_back(files: dict[str, bytes]) -> None:
    archive = write_newc(file(path, data) for path, data in files.items())
    assert len(archive) % 512 == 0
    assert {entry.path: entry.data for _, entry in parse_newc(archive)} == files
