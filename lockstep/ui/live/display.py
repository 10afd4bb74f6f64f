"""Draws frames on a terminal: only what changed, at once, and never more than the terminal takes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from rich.color import ColorSystem

from lockstep.ui.live.choice import LEAVE
from lockstep.ui.view.frame import Frame, Place
from lockstep.ui.view.line import Line

_BEGIN, _END = "\x1b[?2026h\x1b[?25l", "\x1b[?2026l"
ENTER = "\x1b[?1049h\x1b[?1007s\x1b[?1007l\x1b[?7l\x1b[2J"


class Display:
    """A terminal that shows frames."""

    def __init__(self, descriptor: int, colors: ColorSystem | None, encoding: str) -> None:
        """`descriptor` doesn't block. Without `colors`, bold and reverse remain."""
        self._descriptor, self._colors, self._encoding = descriptor, colors, encoding
        self._shown: dict[Place, Line] = {}
        self._cursor: Place | None = None
        self._keyboard_modes: set[int] = set()
        self._waiting = b""

    @property
    def is_idle(self) -> bool:
        """Whether the terminal has taken everything."""
        return not self._waiting

    def enter(self) -> None:
        """To the alternate screen; the next frame is drawn in full."""
        self.forget()
        self._put(ENTER)

    def leave(self) -> None:
        """Back to what was there before."""
        self._waiting = b""
        self._keyboard_modes.clear()
        # \r\n-free, and waited for: what is printed next must not come first.
        os.set_blocking(self._descriptor, True)
        with contextlib.suppress(OSError):
            os.write(self._descriptor, LEAVE.encode())
        os.set_blocking(self._descriptor, False)

    def forget(self) -> None:
        """Nothing is known of what the terminal shows."""
        self._shown, self._cursor = {}, None

    def draw(self, frame: Frame, keyboard_modes: set[int], *, has_bell: bool = False) -> None:
        """Make the terminal show `frame`, if `is_idle`."""
        if not self.is_idle:
            return
        parts = [] if frame.pieces.keys() == self._shown.keys() else ["\x1b[2J"]
        shown: Mapping[Place, Line] = {} if parts else self._shown
        for place, line in frame.pieces.items():
            if shown.get(place) != line:
                parts += [_move(place), self._encode(line)]
        for mode in keyboard_modes ^ self._keyboard_modes:
            parts.append(f"\x1b[?{mode}{'h' if mode in keyboard_modes else 'l'}")
        if has_bell:
            parts.append("\a")
        if parts or frame.cursor != self._cursor:
            cursor = "" if frame.cursor is None else f"{_move(frame.cursor)}\x1b[?25h"
            self._put("".join((_BEGIN, *parts, cursor, _END)))
        self._shown, self._cursor = dict(frame.pieces), frame.cursor
        self._keyboard_modes = set(keyboard_modes)

    def flush(self) -> None:
        """Write what the terminal takes now."""
        try:
            while self._waiting:
                self._waiting = self._waiting[os.write(self._descriptor, self._waiting) :]
        except BlockingIOError:
            pass
        except OSError:
            self._waiting = b""  # the terminal is gone; whoever reads its keys hears of it

    def _put(self, text: str) -> None:
        self._waiting += text.encode(self._encoding, "replace")
        self.flush()

    def _encode(self, line: Line) -> str:
        parts = []
        for text, style, _ in line:
            if style is None:
                parts.append(text)
            elif self._colors is None:
                parts.append(style.without_color.render(text, color_system=ColorSystem.STANDARD))
            else:
                parts.append(style.render(text, color_system=self._colors))
        return "".join(parts)


def as_ansi(line: Line, colors: ColorSystem | None) -> str:
    """`line` to be printed, without the blanks at its end."""
    text = Display(-1, colors, "utf-8")._encode(line)
    return text.rstrip(" ")


def _move(place: Place) -> str:
    x, y = place
    return f"\x1b[{y + 1};{x + 1}H"
