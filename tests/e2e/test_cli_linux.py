"""Debian's own Linux and U-Boot, fetched and run by name."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command import fetch_linux, lockstep, run_reported, start_lockstep

pytestmark = [pytest.mark.linux, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module", autouse=True)
def fetched() -> None:
    fetch_linux()


def test_linux_runs_a_command_and_powers_off(tmp_path: Path) -> None:
    arguments = ("run", "linux", "--solo", "--append", "run=/bin/uname+-a", "--timeout", 200)
    done = lockstep(*arguments, "--report", tmp_path / "r.json", timeout_s=300)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-500:]
    assert any(line.startswith(b"Linux ") and b"riscv64" in line for line in done.stdout.splitlines())


def test_linux_on_four_harts_is_deterministic(tmp_path: Path) -> None:
    options = ("linux", "--solo", "--harts", 4, "--clock", "virtual", "--append", "run=/bin/nproc")
    first, second = (run_reported(tmp_path / f"{name}.json", *options) for name in "ab")
    same = ("icount", "digest", "console", "outcome")
    assert {key: first[key] for key in same} == {key: second[key] for key in same}
    assert first["outcome"] == "poweroff"


def talk(process: subprocess.Popen[bytes], *dialogue: tuple[bytes, bytes]) -> bytes:
    """Wait for each prompt, then type its answer; all that was read until the last prompt."""
    assert process.stdin is not None
    assert process.stdout is not None
    got = b""
    for prompt, answer in dialogue:
        seen = len(got)
        while prompt not in got[seen:]:
            data = os.read(process.stdout.fileno(), 65536)
            assert data, got.decode(errors="replace")[-1000:]
            got += data
        os.write(process.stdin.fileno(), answer)
    return got


def test_a_shell_on_the_console() -> None:
    with start_lockstep("run", "linux", "--solo", "--timeout", 200) as process:
        talk(process, (b"# ", b"echo $((6 * 7))\n"), (b"\n42", b"poweroff -f\n"))
        output, error = process.communicate(timeout=200)
    assert process.returncode == 0, (output, error)


def test_uboot_reaches_its_prompt() -> None:
    with start_lockstep("run", "u-boot", "--solo", "--timeout", 200) as process:
        output: Any = talk(process, (b"autoboot", b"\n"), (b"=> ", b"poweroff\n"))
        process.communicate(timeout=200)
    assert b"U-Boot" in output
    assert process.returncode == 0
