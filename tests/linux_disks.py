"""Disks for the guest `linux`, and what /bin/writetest leaves on them, read without the guest."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

RECORD_BYTES = 256
ACKNOWLEDGED = re.compile(rb"^record (\d+) acknowledged\r?$", re.MULTILINE)


def make_disk(path: Path, size: str = "64M") -> Path:
    """An empty disk with ext4."""
    for tool in ("mkfs.ext4", "e2fsck", "debugfs"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    subprocess.run(["truncate", "-s", size, path], check=True)
    subprocess.run(["mkfs.ext4", "-q", path], check=True)
    return path


def check_clean(path: Path) -> None:
    """The file system was unmounted and is whole."""
    done = subprocess.run(["e2fsck", "-fn", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def records_on(path: Path) -> int:
    """How many records a disk has; all must be whole, in order, and what their number says."""
    done = subprocess.run(["debugfs", "-R", "cat /records", path], capture_output=True, check=True)
    data = done.stdout
    for place in range(0, len(data), RECORD_BYTES):
        number = place // RECORD_BYTES + 1
        record = data[place : place + RECORD_BYTES]
        assert record == expected_record(number), f"record {number} of {path.name} is {record[:40]!r}…"
    return len(data) // RECORD_BYTES


def expected_record(number: int) -> bytes:
    """The record that guest_files/writetest.sh writes."""
    state, low, high, payload = number, 0, 0, ""
    for _ in range(47):
        state = state * 16807 % 2147483647
        payload += f"{state % 100000:05d}"
        low += state % 100000
        high += low
    return f"{number:08d} {payload} {low % 65521:05d}{high % 65521:05d}\n".encode()


def acknowledged(console: bytes) -> list[int]:
    """The numbers of the records that the guest said the disk has, in the order in which it said so."""
    return [int(number) for number in ACKNOWLEDGED.findall(console)]
