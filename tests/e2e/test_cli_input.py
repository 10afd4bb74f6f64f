"""Console input: typed from a file or a pipe under the virtual clock, else live; a terminal's."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import termios
import time
from pathlib import Path
from typing import Any

import pytest
from command import COMMAND, environment, lockstep, run_reported, start_lockstep

BANNER = b"echo: type lines, quit ends\n"
LINES = b"hello\nlockstep\nquit\n"
REVERSED = BANNER + b"olleh\npetskcol\n"
VIRTUAL = ("--solo", "--clock", "virtual")


def read_until(descriptor: int, wanted: bytes, timeout_s: float = 60) -> bytes:
    """What `descriptor` gives up to and with `wanted`."""
    got, end_s = b"", time.monotonic() + timeout_s
    while wanted not in got:
        ready, _, _ = select.select([descriptor], [], [], max(end_s - time.monotonic(), 0))
        data = os.read(descriptor, 4096) if ready else b""
        assert data, f"only {got!r} came, without {wanted!r}"
        got += data
    return got


def test_typed_from_a_file_and_from_a_pipe_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(LINES)
    from_file = run_reported(tmp_path / "a.json", "echo", *VIRTUAL, "--input", tmp_path / "in")
    from_pipe = run_reported(tmp_path / "b.json", "echo", *VIRTUAL, stdin=LINES)
    same = ("icount", "digest", "console", "outcome")
    assert {key: from_file[key] for key in same} == {key: from_pipe[key] for key in same}
    assert from_file["outcome"] == "poweroff"


@pytest.mark.parametrize("clock", ["host", "virtual"])
def test_input_file(tmp_path: Path, clock: str) -> None:
    (tmp_path / "in").write_bytes(b"\n" + LINES)
    done = lockstep("run", "echo", "--solo", "--clock", clock, "--input", tmp_path / "in", "--timeout", 30)
    assert done.returncode == 0
    assert done.stdout.endswith(b"\npetskcol\n")


def test_without_input_echo_is_idle(tmp_path: Path) -> None:
    report = run_reported(tmp_path / "r.json", "echo", *VIRTUAL)
    assert report["outcome"] == "idle"
    assert report["console"]["bytes"] == len(BANNER)


def test_a_long_pipe_overruns_nothing(tmp_path: Path) -> None:
    lines = [f"line {number} of many".encode() for number in range(2000)]
    done = lockstep("run", "echo", *VIRTUAL, "--timeout", 60, stdin=b"\n".join([*lines, b"quit", b""]))
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == [line[::-1] for line in lines]


def test_live_input_of_more_than_the_wire_holds() -> None:
    lines = [f"line {number} of many".encode() for number in range(8000)]
    with start_lockstep("run", "echo", "--solo", "--timeout", 60) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        banner = read_until(process.stdout.fileno(), BANNER)
        output, _ = process.communicate(b"\n".join([*lines, b"quit", b""]), timeout=60)
    assert process.returncode == 0
    got = (banner + output).splitlines()[1:]
    assert len(got) == len(lines)
    assert got == [line[::-1] for line in lines]


def test_live_lines_are_answered_as_they_come() -> None:
    with start_lockstep("run", "echo", "--solo", "--timeout", 60) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        read_until(process.stdout.fileno(), BANNER)
        for line in (b"abc", b"defg"):
            os.write(process.stdin.fileno(), line + b"\n")
            assert read_until(process.stdout.fileno(), b"\n") == line[::-1] + b"\n"
        output, error = process.communicate(b"quit\n", timeout=60)
    assert (process.returncode, output) == (0, b""), error.decode()


def on_terminal(*arguments: object) -> tuple[subprocess.Popen[bytes], int, list[Any]]:
    """The command on a terminal of its own: the process, the keyboard's end, and the terminal's settings."""
    keyboard, screen = pty.openpty()
    settings = termios.tcgetattr(screen)
    process = subprocess.Popen(
        ["setsid", "-c", *COMMAND, *map(str, arguments)],
        stdin=screen,
        stdout=screen,
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=False,
    )
    os.set_inheritable(screen, False)
    return process, keyboard, [screen, settings]


@pytest.mark.parametrize("ending", ["ctrl-a x", "quit", "sigterm"])
def test_terminal_is_raw_and_restored(ending: str) -> None:
    process, keyboard, (screen, settings) = on_terminal("run", "echo", "--solo", "--timeout", 60)
    try:
        read_until(keyboard, b"quit ends\r\n")
        assert not termios.tcgetattr(screen)[3] & (termios.ECHO | termios.ICANON | termios.ISIG)
        os.write(keyboard, b"abc\r")
        assert read_until(keyboard, b"\n") == b"cba\r\n", "the keys aren't echoed, the guest's newline is one"
        if ending == "ctrl-a x":
            os.write(keyboard, b"\x01x")
        elif ending == "quit":
            os.write(keyboard, b"quit\r")
        else:
            process.terminate()
        assert process.wait(30) == (0 if ending == "quit" else 130)
        assert termios.tcgetattr(screen) == settings
    finally:
        process.kill()
        os.close(keyboard)
        os.close(screen)


def test_terminal_gives_nothing_under_the_virtual_clock() -> None:
    process, keyboard, (screen, _) = on_terminal("run", "echo", *VIRTUAL, "--timeout", 60)
    try:
        assert process.wait(60) == 0, "idle: nobody types"
    finally:
        process.kill()
        os.close(keyboard)
        os.close(screen)
