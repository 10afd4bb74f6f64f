"""Disks that are full, fail, are slow or can't be read under a running guest: I/O errors for it, one line for the user.

What is in FILE is at any time what the guest's disk was at a moment.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from command import environment, lockstep, said_in_one_line
from pair_runs import Pair, wait_for
from records import BLOCK_BYTES, ZERO_EVERY, flushed, last_record

BLOCKS = 8192
FILE_BYTES_MAX = 24 << 20
"""More than any ring, less than the disk."""
ROOM = "512k"
_CLONE_NEWNS, _CLONE_NEWUSER = 0x20000, 0x10000000
_MS_REC, _MS_PRIVATE = 0x4000, 1 << 18
SOLO_OR_PAIR = pytest.mark.parametrize(
    "options", [("--solo",), ("--crash-every", "300ms")], ids=["solo", "pair"]
)


def image(path: Path, blocks: int = BLOCKS) -> Path:
    with path.open("wb") as file:
        file.truncate(blocks * BLOCK_BYTES)
    return path


def ended(pair: Pair, console: bytes) -> tuple[bytes, str]:
    """After a guest that gave up: its whole console, and the one line for the user."""
    code, rest, said = pair.end()
    done = subprocess.CompletedProcess([], code, console + rest, said)
    assert code in (4, 5), said.decode()  # what the guest `records` says after failures
    return done.stdout, said_in_one_line(done)


def last_change(number: int) -> int:
    """The number at which the disk came to be as it is after record `number`: here zeros go where zeros are."""
    return number - (number % ZERO_EVERY == 0)


def check_failures(console: bytes) -> None:
    """Writes and flushes failed, none of the guest's reads, and nothing was flushed after the first failure."""
    assert b"failed with status 1" in console
    assert b"holds record" not in console
    _, _, after = console.partition(b"records: request")
    assert flushed(after) == 0, after.decode()
    assert b"request 0 failed" not in after


@SOLO_OR_PAIR
def test_a_disk_that_fails(options: tuple[object, ...], tmp_path: Path) -> None:
    """From some moment on the kernel refuses to write most of FILE."""
    path = image(tmp_path / "d.img")
    arguments = ("records", "--disk", path, "--append", "records=100000 every=20", *options)
    with Pair(*arguments) as pair:
        console = pair.read_until(b"flushed 200\n")
        psutil.Process(pair.process.pid).rlimit(psutil.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX))
        console, line = ended(pair, console)
    assert f"the disk {path} takes no more (File too large): the guest gets I/O errors from here on" in line
    check_failures(console)
    assert flushed(console) >= 200
    assert last_record(path) >= last_change(flushed(console))


def in_small_file_system(directory: Path) -> Callable[[], None]:
    """For a child: what it sees in `directory` is a file system of its own, with little room."""

    def enter() -> None:
        library = ctypes.CDLL(None)
        if library.unshare(_CLONE_NEWNS) and library.unshare(_CLONE_NEWNS | _CLONE_NEWUSER):
            return
        library.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)
        if library.mount(b"tmpfs", os.fsencode(directory), b"tmpfs", 0, f"size={ROOM}".encode()) == 0:
            image(directory / "d.img", 256)

    return enter


@SOLO_OR_PAIR
def test_a_disk_that_is_full(options: tuple[object, ...], tmp_path: Path) -> None:
    """FILE is sparse, and there is less room than the guest fills."""
    small = tmp_path / "small"
    small.mkdir()
    path = small / "d.img"
    arguments = ("records", "--disk", path, "--append", "records=100000 every=20", *options)
    with Pair(*arguments, preexec_fn=in_small_file_system(small)) as pair:
        seen = Path(f"/proc/{pair.process.pid}/root{path}")
        wait_for(lambda: b"lockstep\0" in Path(f"/proc/{pair.process.pid}/cmdline").read_bytes())
        if not seen.exists():
            pytest.skip("no mounting here")
        with seen.open("rb") as file:
            console, line = ended(pair, b"")
            (tmp_path / "copy.img").write_bytes(file.read())
    assert "takes no more (No space left on device)" in line
    check_failures(console)
    assert flushed(console) >= 20
    assert last_record(tmp_path / "copy.img") >= last_change(flushed(console))


@SOLO_OR_PAIR
def test_a_disk_that_is_cut_off(options: tuple[object, ...], tmp_path: Path) -> None:
    """Blocks that the guest didn't write itself can't be read any more: that read fails, on all hosts alike."""
    path = image(tmp_path / "d.img")
    arguments = ("records", "--disk", path, "--append", "records=100000 every=20", *options)
    with Pair(*arguments) as pair:
        console = pair.read_until(b"flushed 40\n")
        assert pair.process.stdout is not None
        # Again and again, as it grows with what the guest writes.
        while piece := os.read(pair.process.stdout.fileno(), 65536):
            os.truncate(path, 16 * BLOCK_BYTES)
            console += piece
        code, _, said = pair.end()
    assert code == 5, said.decode()
    assert b"request 0 failed with status 1" in console
    assert b"holds record" not in console
    # A new host may find it cut off, and nobody can make one with what is gone.
    said_lines = [line for line in said.decode().splitlines() if "compiling" not in line]
    assert all("no secondary" in line and "has changed its size" in line for line in said_lines), said_lines


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_a_disk_that_hangs(tmp_path: Path) -> None:
    """`fdatasync` doesn't return: the guest waits, hosts are replaced, and who ends the run needn't wait for it."""
    source, library, path = tmp_path / "hang.c", tmp_path / "hang.so", image(tmp_path / "d.img", 256)
    source.write_text("#include <unistd.h>\nint fdatasync(int file) { (void)file; for (;;) pause(); }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    arguments = ("records", "--disk", path, "--append", "records=100000 every=20")
    with Pair(*arguments, "--crash-every", "200ms", env=environment(LD_PRELOAD=str(library))) as pair:
        console = pair.read_until(b"the last record is 0\n")
        wait_for(lambda: last_record(path) == 20)
        pair.another(pair.another(pair.both()))
        pair.process.send_signal(signal.SIGTERM)
        code, rest, said = pair.end(limit_s=30)
    assert code == 130
    assert flushed(console + rest) == 0
    assert "the disks are slow" in said_in_one_line(subprocess.CompletedProcess([], code, b"", said))


def test_machines_that_differ_end_the_run_at_once(tmp_path: Path) -> None:
    """What only one of them wrote isn't waited for."""
    path = image(tmp_path / "d.img", 256)
    done = lockstep(
        "run", "records", "--disk", path, "--append", "records=100000 every=40", "--inject", "sp@12M:13"
    )
    assert done.returncode == 120
    assert "the two machines differ" in said_in_one_line(done)
