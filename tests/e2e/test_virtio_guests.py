"""The guests that drive virtio devices, alone and on QEMU: what they find there is the same."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from command import REPOSITORY, lockstep

DRAWS = 8
needs_qemu = pytest.mark.skipif(
    shutil.which("qemu-system-riscv64") is None, reason="qemu-system-riscv64 is not installed"
)


def drawn(*options: str) -> list[str]:
    """The numbers that `random` prints."""
    done = lockstep("run", "random", "--append", f"draws={DRAWS}", *options)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    lines = done.stdout.decode().splitlines()
    assert len(lines) == DRAWS
    numbers = [number for line in lines for number in line.split()[1:]]
    assert len(set(numbers)) == 4 * DRAWS
    return numbers


def test_random_numbers_are_the_same_under_the_virtual_clock() -> None:
    assert drawn("--clock", "virtual", "--solo") == drawn("--clock", "virtual")


def test_random_numbers_are_others_each_time_under_the_hosts_clock() -> None:
    assert set(drawn("--solo")).isdisjoint(drawn("--crash", "primary@30000"))


def qemu(guest: str, append: str, *devices: str) -> None:
    arguments = ["-machine", "virt", "-nographic", "-bios", "none", "-append", append, *devices]
    arguments += ["-kernel", str(REPOSITORY / "guests" / f"{guest}.elf")]
    arguments += ["-global", "virtio-mmio.force-legacy=false"]
    subprocess.run(["qemu-system-riscv64", *arguments], check=True, capture_output=True, timeout=60)


@needs_qemu
def test_qemu_writes_the_same_to_a_disk(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for path in (ours, theirs):
        path.write_bytes(bytes(1 << 20))
    append = "records=300 every=10 depth=1"  # QEMU does what is under way at once in any order
    done = lockstep("run", "records", "--solo", "--disk", ours, "--append", append)
    assert done.returncode == 0, done.stderr.decode()
    drive = f"file={theirs},format=raw,if=none,id=d"
    qemu("records", append, "-drive", drive, "-device", "virtio-blk-device,drive=d,bus=virtio-mmio-bus.0")
    assert ours.read_bytes() == theirs.read_bytes()


@needs_qemu
def test_random_runs_on_qemu() -> None:
    qemu("random", f"draws={DRAWS}", "-device", "virtio-rng-device")
