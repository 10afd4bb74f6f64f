"""Files that are no guests, and guests that are no good: one line, the right status, no crash or hang."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from command import REPOSITORY, lockstep, said_in_one_line
from elf_builder import EM_386, EM_X86_64, RAM, Elf, Load

from lockstep.errors import GuestError, UsageError

SOLO = ("--solo", "--timeout", 20)

UNFIT = {
    "empty": (b"", "is empty"),
    "truncated": ((REPOSITORY / "guests/hello.elf").read_bytes()[:3000], "truncated"),
    "head only": (b"\x7fELF", "truncated"),
    "32-bit": (Elf(word_class=1, machine=EM_386).build(), "32-bit"),
    "32-bit RISC-V": (Elf(word_class=1).build(), "32-bit"),
    "foreign": (Elf(machine=EM_X86_64).build(), "X86-64"),
    "overlapping": (Elf((Load(RAM, bytes(16)), Load(RAM + 15))).build(), "overlap"),
    "below RAM": (Elf((Load(), Load(0x1000))).build(), "outside of RAM"),
    "beyond RAM": (Elf((Load(), Load(RAM + (128 << 20)))).build(), "give --memory 256M"),
    "huge segment": (Elf((Load(memory_bytes=2**60),)).build(), "no machine has that much memory"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_unfit_guest(tmp_path: Path, kind: str) -> None:
    data, message = UNFIT[kind]
    path = tmp_path / "guest"
    path.write_bytes(data)
    done = lockstep("run", path, *SOLO)
    assert done.returncode == GuestError.exit_code, done.stderr.decode()
    assert message in said_in_one_line(done)
    assert done.stdout == b""


def test_missing_guest(tmp_path: Path) -> None:
    for guest in (tmp_path / "nothing", "nothing", "", "a\nb"):
        done = lockstep("run", guest, *SOLO)
        assert done.returncode == GuestError.exit_code, done.stderr.decode()
        said_in_one_line(done)


def test_directory_and_pipe_are_no_guests(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, what in ((tmp_path, "is a directory"), (tmp_path / "pipe", "not a regular file")):
        done = lockstep("run", path, *SOLO)
        assert done.returncode == GuestError.exit_code
        assert what in said_in_one_line(done)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_guest(tmp_path: Path) -> None:
    path = tmp_path / "guest"
    path.touch(mode=0o000)
    done = lockstep("run", path, *SOLO)
    assert done.returncode == GuestError.exit_code
    assert "can't be read" in said_in_one_line(done)


def test_unreadable_guest_for_root_too(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    done = lockstep("run", loop, *SOLO)
    assert done.returncode == GuestError.exit_code
    said_in_one_line(done)


def test_kernel_larger_than_memory(tmp_path: Path) -> None:
    kernel = tmp_path / "kernel"
    with kernel.open("wb") as file:
        file.write(b"\x13")
        file.truncate(64 << 20)
    done = lockstep("run", "--kernel", kernel, "--memory", "32M", *SOLO)
    assert done.returncode == GuestError.exit_code
    assert "--memory" in said_in_one_line(done)


@pytest.mark.parametrize(
    "memory", ["lots", "", "-1", "0", "1.0001", "12Q", "9" * 500, "1K", "65G", "１２８M"]
)
def test_nonsense_memory(memory: str) -> None:
    done = lockstep("run", "hello", "--solo", f"--memory={memory}")
    assert done.returncode == UsageError.exit_code, done.stderr.decode()
    assert "--memory" in said_in_one_line(done)


@pytest.mark.parametrize("seed", range(8))
def test_random_bytes_run_as_a_guest(tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")
    draw = random.Random(seed)
    path = tmp_path / "guest"
    path.write_bytes(draw.randbytes(draw.choice([64, 1000, 4096, 65536])))
    harts = draw.choice([1, 1, 4])
    clock = draw.choice(["host", "virtual"])
    done = lockstep("run", path, "--solo", "--timeout", 3, "--harts", harts, "--clock", clock, timeout_s=60)
    # By itself (idle, the finisher) or at its timeout: the process lives, and has nothing to say.
    assert done.returncode in (*range(120), 124), done.stderr.decode()
    said = [line for line in done.stderr.decode().splitlines() if "compiling native code" not in line]
    assert said == []
