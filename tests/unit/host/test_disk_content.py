"""What is on a disk, read in pieces: all of it, and no more than there is."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lockstep.host import disk_content
from lockstep.host.disk_content import PIECE_BYTES, build_disk, disk_pieces, disk_sha256

TIB = 1 << 40
SPARSE = {0: b"first", 3 * PIECE_BYTES - 2: b"over an edge", TIB - 512 - 4096: b"\1" * 512}


@contextmanager
def disk(path: Path, size_bytes: int, content: dict[int, bytes]) -> Iterator[int]:
    with path.open("w+b") as file:
        file.truncate(size_bytes)
        for offset, data in content.items():
            os.pwrite(file.fileno(), data, offset)
        yield file.fileno()


def test_a_tebibyte_of_nothing_takes_no_time_and_its_content_comes_back(tmp_path: Path) -> None:
    with disk(tmp_path / "d.img", TIB, SPARSE) as file:
        start_s = time.monotonic()
        pieces = list(disk_pieces(file, TIB))
        taken_s = time.monotonic() - start_s
        assert [offset for offset, _ in pieces] == [0, 2 * PIECE_BYTES, 3 * PIECE_BYTES, TIB - PIECE_BYTES]
        assert taken_s < 5  # reading all of it would take minutes
        with build_disk(pieces, TIB) as copy:
            assert disk_sha256(copy.fileno(), TIB) == disk_sha256(file, TIB)
            assert os.fstat(copy.fileno()).st_size == TIB
            for offset, data in SPARSE.items():
                assert os.pread(copy.fileno(), len(data), offset) == data


@pytest.mark.parametrize("size_bytes", [512, PIECE_BYTES, PIECE_BYTES + 512, 3 * PIECE_BYTES - 512])
@pytest.mark.parametrize("seed", [1, 2])
def test_any_content(tmp_path: Path, size_bytes: int, seed: int) -> None:
    print("seed", seed)
    drawn = random.Random(seed)
    content = {drawn.randrange(size_bytes - 100): drawn.randbytes(100) for _ in range(5)}
    path = tmp_path / "d.img"
    with (
        disk(path, size_bytes, content) as file,
        build_disk(disk_pieces(file, size_bytes), size_bytes) as copy,
    ):
        copy.seek(0)
        assert copy.read() == path.read_bytes()


def test_the_hash_is_of_the_content_not_of_how_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size_bytes = 8 * PIECE_BYTES
    content = {5: b"x", 5 * PIECE_BYTES: b"y"}
    with disk(tmp_path / "sparse.img", size_bytes, content) as file:
        sparse = disk_sha256(file, size_bytes)
    path = tmp_path / "full.img"
    path.write_bytes((tmp_path / "sparse.img").read_bytes())
    with path.open("rb") as full:
        assert disk_sha256(full.fileno(), size_bytes) == sparse
    with disk(tmp_path / "other.img", size_bytes, content | {6 * PIECE_BYTES: b"z"}) as file:
        assert disk_sha256(file, size_bytes) != sparse
    with disk(tmp_path / "moved.img", size_bytes, {5: b"x", 4 * PIECE_BYTES: b"y"}) as file:
        assert disk_sha256(file, size_bytes) != sparse
    with disk(tmp_path / "longer.img", size_bytes + 512, content) as file:
        assert disk_sha256(file, size_bytes + 512) != sparse


def test_a_file_system_without_holes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a block device answers."""

    def refuse(file: int, offset: int, whence: int) -> int:
        raise OSError(22, "Invalid argument")

    size_bytes = 4 * PIECE_BYTES
    with disk(tmp_path / "d.img", size_bytes, {PIECE_BYTES: b"x"}) as file:
        before = list(disk_pieces(file, size_bytes))
        monkeypatch.setattr(disk_content.os, "lseek", refuse)
        assert list(disk_pieces(file, size_bytes)) == before


def test_a_disk_that_became_shorter(tmp_path: Path) -> None:
    with disk(tmp_path / "d.img", PIECE_BYTES, {5: b"x"}) as file, pytest.raises(OSError, match="shorter"):
        disk_sha256(file, 2 * PIECE_BYTES) if os.ftruncate(file, 4096) is None else None
