"""Drivers and programs of the guest `linux` on QEMU's devices: what fails here isn't a fault of ours."""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest
from command import fetch_linux
from linux_disks import acknowledged, check_clean, make_disk, records_on

from lockstep.catalog.linux import LinuxGuest, linux_guest
from lockstep.catalog.served_content import served_sha256

pytestmark = [pytest.mark.linux, pytest.mark.timeout(300)]

RECORDS = 20


@pytest.fixture(scope="module")
def guest() -> LinuxGuest:
    if shutil.which("qemu-system-riscv64") is None:
        pytest.skip("qemu-system-riscv64 is not installed")
    fetch_linux()
    found = linux_guest()
    assert found is not None
    return found


def start_qemu(guest: LinuxGuest, disk: Path, append: str, *arguments: str) -> subprocess.Popen[bytes]:
    command = ["qemu-system-riscv64", "-machine", "virt", "-nographic", "-m", "256M"]
    command += ["-bios", str(guest.firmware), "-kernel", str(guest.kernel)]
    command += ["-initrd", str(guest.initrd_with_drivers), "-append", f"{guest.append} quiet {append}"]
    command += ["-global", "virtio-mmio.force-legacy=false"]
    command += ["-drive", f"file={disk},format=raw,if=none,id=d", "-device", "virtio-blk-device,drive=d"]
    return subprocess.Popen([*command, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def read_until(process: subprocess.Popen[bytes], sign: bytes) -> bytes:
    assert process.stdout is not None
    console = b""
    while sign not in console:
        data = process.stdout.read1(65536)  # type: ignore[attr-defined]
        assert data, console.decode(errors="replace")[-1000:]
        console += data
    return console


def test_records_and_a_download(guest: LinuxGuest, tmp_path: Path) -> None:
    """Records are appended and a file is served; after a SIGKILL the next boot finds the records, and a damaged one."""
    disk, port = make_disk(tmp_path / "d.img"), free_port()
    network = ("-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{port}-:80")
    append = f'records={RECORDS} run="writetest; serve"'
    with start_qemu(guest, disk, append, *network, "-device", "virtio-net-device,netdev=n") as process:
        try:
            console = read_until(process, b"/50M is ready")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/50M", timeout=60) as response:
                sha256 = hashlib.sha256(response.read()).hexdigest()
        finally:
            process.kill()
    assert acknowledged(console) == list(range(1, RECORDS + 1))
    assert sha256 == served_sha256()
    assert records_on(disk) == RECORDS
    damage = (
        "mount /dev/vda /mnt; echo 0 | dd of=/mnt/records bs=1 count=1 seek=1600 conv=notrunc; umount /mnt"
    )
    with start_qemu(guest, disk, f'run="writetest check; {damage}; writetest check"') as process:
        console = read_until(process, b"reboot: Power down")
    assert b"writetest: %d records" % RECORDS in console
    assert b"writetest: record 7 is damaged" in console
    check_clean(disk)
