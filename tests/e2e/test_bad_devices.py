"""Disks and networks that can't be had: one line, the right status, and nothing is left behind."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from command import COMMAND, environment, lockstep, said_in_one_line

DISK_BYTES = 1 << 20
USAGE, GUEST, FAILURE = 2, 126, 125
_PR_CAPBSET_DROP = 24
_CAPABILITIES = (1, 2, 10)
"""CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_NET_BIND_SERVICE."""
UNPRIVILEGED_PORTS = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")

needs_passt = pytest.mark.skipif(shutil.which("passt") is None, reason="passt is not installed")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, size in {
        "d.img": DISK_BYTES,
        "odd.img": 1000,
        "empty.img": 0,
        "locked.img": DISK_BYTES,
    }.items():
        with Path(name).open("wb") as file:
            file.truncate(size)
    Path("locked.img").chmod(0o400)
    Path("directory").mkdir()


def as_anybody() -> None:
    """In the child: even root is bound by permissions."""
    for capability in _CAPABILITIES:
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def refused(code: int, *arguments: object) -> str:
    """What a run says that must not begin; what it made for itself is gone again."""
    temporary = Path("temporary")
    temporary.mkdir(exist_ok=True)
    done = subprocess.run(
        [*COMMAND, "run", "hello", *map(str, arguments)],
        capture_output=True,
        env=environment(TMPDIR=str(temporary)),
        preexec_fn=as_anybody,
        check=False,
        timeout=60,
    )
    assert done.returncode == code, done.stderr.decode()
    assert done.stdout == b""
    assert list(temporary.iterdir()) == []
    return said_in_one_line(done)


@pytest.mark.parametrize(
    ("disk", "code", "message"),
    [
        ("none.img", GUEST, "doesn't exist: make one with truncate"),
        ("directory", GUEST, "is a directory"),
        ("odd.img", USAGE, "multiple of 512"),
        ("empty.img", USAGE, "not empty"),
        ("locked.img", GUEST, "can't be read and written: Permission denied"),
        ("/dev/null", GUEST, "neither a file nor a block device"),
    ],
)
def test_what_is_no_disk(disk: str, code: int, message: str) -> None:
    assert message in refused(code, "--disk", disk)


def test_disks_that_do_not_go_together() -> None:
    assert "given as two disks" in refused(USAGE, "--disk", "d.img", "--disk", "./d.img,ro")
    assert "at most 6" in refused(USAGE, *7 * ("--disk", "odd.img,ro"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--net tap", "give none or user"),
        ("--net user --clock virtual", "needs --clock host"),
        ("--forward 8080:80", "give --net user as well"),
        ("--net user --forward 8080", "is not HOST:GUEST"),
        ("--net user --forward 0:80", "from 1 to 65535"),
        ("--net user --forward 8080:80 --forward 8080:81", "8080 twice"),
    ],
)
def test_what_is_no_network(arguments: str, message: str) -> None:
    assert message in refused(USAGE, *arguments.split())


@needs_passt
@pytest.mark.parametrize("solo", [(), ("--solo",)])
def test_a_port_that_can_not_be_had(solo: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        # The disk was locked by then.
        arguments = ("--disk", "d.img", "--net", "user", "--forward", f"{port}:80", *solo)
        assert f"127.0.0.1:{port} is in use: choose another port" in refused(USAGE, *arguments)
    assert "isn't IPv4" in refused(USAGE, "--net", "user", "--forward", "[::1]:8080:80", *solo)


@needs_passt
def test_a_port_for_root_only() -> None:
    if int(UNPRIVILEGED_PORTS.read_text()) <= 80:
        pytest.skip("anybody may open port 80 here")
    assert "choose a port above 1023" in refused(USAGE, "--net", "user", "--forward", "80:80")


@pytest.mark.parametrize("solo", [(), ("--solo",)])
def test_a_passt_that_does_not_work(solo: tuple[str, ...]) -> None:
    program = Path("bin/passt")
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'no luck' >&2\nexit 1\n")
    program.chmod(0o755)
    path = f"{program.parent.absolute()}{os.pathsep}{os.environ['PATH']}"
    done = lockstep("run", "hello", "--net", "user", *solo, env=environment(PATH=path))
    assert done.returncode == FAILURE
    assert said_in_one_line(done) == "lockstep: passt failed: no luck"
