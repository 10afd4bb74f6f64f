"""Bytes of the guest's console in, a screen out."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

import pyte

from lockstep.ui.terminal.screen import GuestScreen, Line
from lockstep.ui.terminal.sequences import SequenceFilter

FLOOD_KEPT_BYTES = 1 << 13
"""Of a flood the end is looked at, and before it only what sets colours and modes."""
_ATTRIBUTES_AND_MODES = re.compile(rb"\x1b\[[0-9;]{0,32}[mr]|\x1b\[\?[0-9;]{0,32}[hl]|\x1b[()][0B]|\x1bc")
_KEPT_SEQUENCES_MAX = 200


class Emulator:
    """A terminal of some size that shows what it was fed."""

    def __init__(self, columns: int, lines: int, answer: Callable[[bytes], None] = lambda data: None) -> None:
        """Empty. `answer` gets what the terminal itself would type."""
        self.screen = GuestScreen(columns, lines, answer)
        self._stream = pyte.Stream(self.screen, strict=False)
        self._stream.use_utf8 = False  # text comes decoded; this is about line drawing characters
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._filter = SequenceFilter()
        self.skipped_bytes = 0
        """What came too fast to be looked at."""

    def feed(self, data: bytes, *, is_flood: bool = False) -> None:
        """Show `data`; of a flood its end."""
        if is_flood and len(data) > FLOOD_KEPT_BYTES:
            self.skipped_bytes += len(data) - FLOOD_KEPT_BYTES
            data = _last_of(data)
        text = self._filter.known(self._decoder.decode(data))
        while text:
            try:
                self._stream.feed(text)
                return
            except Exception:
                # What pyte fails at must not end the view. It has reset its parser: try the rest line by line.
                _, _, text = text.partition("\n")

    def resize(self, columns: int, lines: int) -> None:
        """Another size."""
        if (columns, lines) != (self.screen.columns, self.screen.lines):
            self.screen.resize(lines, columns)

    def visible(self, back: int = 0) -> list[Line]:
        """The lines on the screen, or those that were there `back` lines ago."""
        screen = self.screen
        lines = [screen.buffer.get(y, {}) for y in range(screen.lines)]
        if back:
            kept = [*screen.scrollback, *lines]
            first = max(len(screen.scrollback) - back, 0)
            lines = kept[first : first + screen.lines]
        return lines

    def everything(self) -> list[Line]:
        """What is left of all lines: scrollback and screen, without the empty ones at the end."""
        screen = self.screen
        if screen.is_alternate:
            screen.reset_mode(1049, private=True)
        lines = [*screen.scrollback, *self.visible()]
        while lines and not any(cell.data.strip() for cell in lines[-1].values()):
            lines.pop()
        return lines


def _last_of(data: bytes) -> bytes:
    """The last lines of a flood, behind what it said before about colours and modes."""
    at = len(data) - FLOOD_KEPT_BYTES
    start = data.find(b"\n", at) + 1 or at
    sequences = _ATTRIBUTES_AND_MODES.findall(data[:start])
    return b"".join(sequences[-_KEPT_SEQUENCES_MAX:]) + b"\r" + data[start:]
