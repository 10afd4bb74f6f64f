"""The command on a terminal of its own, whose screen tests can read."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from command import COMMAND, environment

from lockstep.ui.terminal.emulator import Emulator
from lockstep.ui.view.console import console_line
from lockstep.ui.view.line import text_of

TIMEOUT_S = 180


class TerminalRun:
    """`lockstep run` on a terminal of some size; a context that leaves nothing behind."""

    def __init__(self, *arguments: object, columns: int = 120, lines: int = 40, **variables: str) -> None:
        self.keyboard, self.tty = pty.openpty()
        self.emulator = Emulator(columns, lines)
        self.resize(columns, lines)
        self.settings = termios.tcgetattr(self.tty)
        self.output = b""
        self.process = subprocess.Popen(
            ["setsid", "-c", *COMMAND, *map(str, arguments)],
            stdin=self.tty,
            stdout=self.tty,
            stderr=self.tty,
            env=environment(**{"TERM": "xterm-256color", "NO_COLOR": "", "COLORTERM": "", **variables}),
        )

    def __enter__(self) -> TerminalRun:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.keyboard)
        os.close(self.tty)

    def resize(self, columns: int, lines: int) -> None:
        """Another size; the kernel tells the job on the terminal."""
        fcntl.ioctl(self.tty, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.emulator.resize(columns, lines)

    def type(self, data: bytes) -> None:
        """Press keys."""
        os.write(self.keyboard, data)

    @property
    def text(self) -> str:
        """What is on the screen."""
        columns = self.emulator.screen.columns
        return "\n".join(text_of(console_line(line, columns)).rstrip() for line in self.emulator.visible())

    def read(self, timeout_s: float) -> None:
        """Show what comes within `timeout_s`, if anything does."""
        if select.select([self.keyboard], [], [], timeout_s)[0]:
            data = os.read(self.keyboard, 1 << 14)
            self.output += data
            self.emulator.feed(data)

    def wait_for(self, *texts: str, until: Callable[[], bool] = lambda: True) -> None:
        """Until all of `texts` are on the screen at once, and `until`."""
        end_s = time.monotonic() + TIMEOUT_S
        while not (all(text in self.text for text in texts) and until()):
            assert time.monotonic() < end_s, f"{texts} didn't come:\n{self.text}"
            assert self.process.poll() is None, f"it ended before {texts} came:\n{self.text}"
            self.read(0.1)

    def end(self) -> int:
        """Wait for the end; the exit status. The screen is as it was left."""
        end_s = time.monotonic() + TIMEOUT_S
        while self.process.poll() is None:
            assert time.monotonic() < end_s, f"it doesn't end:\n{self.text}"
            self.read(0.1)
        self.drain()
        return self.process.returncode

    def drain(self) -> None:
        """Show all that is there."""
        while select.select([self.keyboard], [], [], 0)[0]:
            self.read(0)

    def children(self, wanted: str) -> list[int]:
        """Process ids of the run's children whose command line has `wanted`."""
        found = subprocess.run(
            ["ps", "--ppid", str(self.process.pid), "-o", "pid=,args="], capture_output=True, check=False
        )
        lines = found.stdout.decode().splitlines()
        return [int(line.split()[0]) for line in lines if wanted in line]

    def host(self, role: str) -> int:
        """The process id of the host that the view says has `role`."""
        found = re.search(rf"{role} +host \d+ +pid (\d+)", self.text)
        assert found is not None, self.text
        return int(found[1])

    def check_given_back(self) -> None:
        """The terminal is as it was found."""
        now: list[Any] = termios.tcgetattr(self.tty)
        assert now == self.settings
        screen = self.emulator.screen
        assert not screen.is_alternate
        assert not screen.cursor.hidden
        assert not screen.keyboard_modes
        assert 7 << 5 in screen.mode, "long lines wrap"
        assert "Traceback" not in self.text


def stop(pid: int) -> None:
    """SIGTSTP, as a shell's user would send it; returns when it has stopped."""
    os.kill(pid, signal.SIGTSTP)
    wait_until_state(pid, "T")


def wait_until_state(pid: int, state: str) -> None:
    """Until the kernel says so."""
    end_s = time.monotonic() + TIMEOUT_S
    while (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T") != (state == "T"):
        assert time.monotonic() < end_s, f"process {pid} does not come to state {state}"
        time.sleep(0.01)
