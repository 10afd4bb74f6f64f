"""The real terminal in the hands of the view: its mode, its screen, its size, and giving all that back."""

from __future__ import annotations

import contextlib
import os
import sys
import termios
import tty
from typing import Any

from lockstep.host.terminal import is_ours
from lockstep.ui.live.abilities import Abilities, terminal_size
from lockstep.ui.live.display import Display, as_ansi
from lockstep.ui.terminal.screen import Line
from lockstep.ui.view.console import console_line

KEYS = 0
"""The descriptor that keys come from."""


class Terminal:
    """The terminal of stdin and stdout."""

    def __init__(self, abilities: Abilities) -> None:
        """As it is; nothing changes before `take`."""
        self._abilities = abilities
        self._before: list[Any] = termios.tcgetattr(KEYS)
        # A description of our own: that it doesn't block must not be seen by those who share stdout.
        self.screen = os.open(os.ttyname(KEYS), os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        self.display = Display(self.screen, abilities.colors, abilities.encoding)
        self.is_taken = False

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        return terminal_size(self.screen)

    @property
    def is_ours(self) -> bool:
        """Whether this job is in the foreground."""
        return is_ours(KEYS)

    def take(self) -> None:
        """Each key at once, and the screen for the view."""
        self.is_taken = True
        self._before = termios.tcgetattr(KEYS)
        tty.setraw(KEYS, termios.TCSANOW)
        self.display.enter()

    def give_back(self) -> None:
        """As it was when it was taken."""
        if self.is_taken:
            self.is_taken = False
            self.display.leave()
            with contextlib.suppress(termios.error):
                termios.tcsetattr(KEYS, termios.TCSADRAIN, self._before)

    def print_lines(self, lines: list[Line]) -> None:
        """Leave on the screen what the guest said."""
        for cells in lines:
            width = max(cells, default=-1) + 1
            text = as_ansi(console_line(cells, width), self._abilities.colors)
            with contextlib.suppress(OSError):
                sys.stdout.buffer.write(text.encode(self._abilities.encoding, "replace") + b"\n")
        with contextlib.suppress(OSError):
            sys.stdout.flush()
