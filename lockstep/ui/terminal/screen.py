"""The guest's screen: pyte's, with scrollback, an alternate screen, and bounds on whatever a guest may ask for."""

from __future__ import annotations

import unicodedata
from collections import deque
from collections.abc import Callable, Mapping
from functools import lru_cache

import pyte
from pyte import charsets, modes
from pyte.screens import Char, Margins
from wcwidth import wcwidth

Line = Mapping[int, Char]

SCROLLBACK_LINES_MAX = 2000
COMBINED_MAX = 8
"""Characters in one cell: a letter and its marks."""
_ALTERNATE_SCREENS = {47, 1047, 1049}
_COLUMNS_132 = 3
_PASSED_ON = {1, 2004}
"""Modes of the keyboard (cursor keys, pasting): the real terminal has to know them."""
_UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"
_WRAP, _INSERT = modes.DECAWM, modes.IRM

_width = lru_cache(maxsize=4096)(wcwidth)


class _Cells(dict[str, Char]):
    """The cell of each character, in one set of attributes."""

    def __init__(self, attributes: Char) -> None:
        super().__init__()
        self._attributes = attributes

    def __missing__(self, character: str) -> Char:
        cell = self[character] = self._attributes._replace(data=character)
        return cell


_cells = lru_cache(maxsize=256)(_Cells)


class GuestScreen(pyte.Screen):  # type: ignore[misc]  # pyte's types aren't looked at
    """Lines and columns of cells; `scrollback` has the lines that left at the top, oldest first."""

    def __init__(self, columns: int, lines: int, answer: Callable[[bytes], None]) -> None:
        """Empty. `answer` gets what a terminal would type by itself, as where its cursor is."""
        self.scrollback: deque[Line] = deque(maxlen=SCROLLBACK_LINES_MAX)
        self.scrolled_off = 0
        """How many lines have ever left at the top."""
        self.bells = 0
        self.keyboard_modes: set[int] = set()
        self._answer = answer
        self._main: tuple[dict[int, Line], int, int] | None = None
        self.columns: int
        self.lines: int
        self.margins: Margins | None
        super().__init__(columns, lines)

    @property
    def is_alternate(self) -> bool:
        """Whether the guest draws on its alternate screen, which has no scrollback."""
        return self._main is not None

    def reset(self) -> None:
        """Everything as at the start; what scrolled off stays."""
        self._main = None
        self.keyboard_modes.clear()
        super().reset()

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Keep what is around the cursor: empty lines below it go first, then the topmost scroll off."""
        lines, columns = lines or self.lines, columns or self.columns
        below = self.lines - 1 - self.cursor.y
        for _ in range(max(self.lines - lines - below, 0)):
            self._scroll_off()
            self.cursor.y -= 1
        for y in [y for y in self.buffer if y >= lines]:
            del self.buffer[y]
        self.lines, self.columns = lines, columns
        self.tabstops |= set(range(8, columns, 8))
        self.margins = None
        self.cursor.x, self.cursor.y = min(self.cursor.x, columns - 1), min(self.cursor.y, lines - 1)
        self.dirty.update(range(lines))

    def _scroll_off(self) -> None:
        """The topmost line leaves; all others move up."""
        line = self.buffer.pop(0, {})
        if not self.is_alternate:
            self.scrollback.append(line)
            self.scrolled_off += 1
        moved = {y - 1: line for y, line in self.buffer.items()}
        self.buffer.clear()
        self.buffer.update(moved)
        self.dirty.update(range(self.lines))

    def index(self) -> None:
        """One line down; at the bottom everything moves up."""
        if self.margins is None and self.cursor.y == self.lines - 1:
            self._scroll_off()
        else:
            super().index()

    def linefeed(self) -> None:
        """One line down and to its start, as the terminal's driver has it: bare guests end their lines so."""
        self.index()
        self.carriage_return()

    def draw(self, data: str) -> None:
        """Put text where the cursor is."""
        charset = (self.g0_charset, self.g1_charset)[self.charset]
        if charset is not charsets.LAT1_MAP:
            data = data.translate(charset)
        if data.isascii() and data.isprintable() and _INSERT not in self.mode:
            self._draw_narrow(data)
            return
        for character in data:
            width = _width(character)
            if width > 0:
                self._draw_one(character if character.isprintable() else _UNPRINTABLE, width)
            elif width == 0 and unicodedata.combining(character):
                self._combine(character)
        self.dirty.add(self.cursor.y)

    def _draw_narrow(self, data: str) -> None:
        cells, cursor = _cells(self.cursor.attrs), self.cursor
        while data:
            self._wrap_for(1)
            room = self.columns - cursor.x
            piece, data = data[:room], data[room:]
            if data and _WRAP not in self.mode:
                piece, data = piece[:-1] + data[-1], ""
            end = cursor.x + len(piece)
            self.buffer[cursor.y].update(
                zip(range(cursor.x, end), map(cells.__getitem__, piece), strict=True)
            )
            cursor.x = end
            self.dirty.add(cursor.y)

    def _draw_one(self, character: str, width: int) -> None:
        if width > self.columns:
            return
        self._wrap_for(width)
        if _INSERT in self.mode:
            self.insert_characters(width)
        cells, cursor = _cells(self.cursor.attrs), self.cursor
        line = self.buffer[cursor.y]
        line[cursor.x] = cells[character]
        if width == 2:
            line[cursor.x + 1] = cells[""]
        cursor.x += width

    def _wrap_for(self, width: int) -> None:
        cursor = self.cursor
        if cursor.x + width <= self.columns:
            return
        if _WRAP in self.mode:
            self.dirty.add(cursor.y)
            self.carriage_return()
            self.linefeed()
        else:
            cursor.x = self.columns - width

    def _combine(self, mark: str) -> None:
        """Marks join the character before them, on the same line."""
        line, x = self.buffer[self.cursor.y], self.cursor.x - 1
        if x > 0 and line[x].data == "":
            x -= 1
        if x >= 0 and 0 < len(line[x].data) < COMBINED_MAX:
            line[x] = line[x]._replace(data=unicodedata.normalize("NFC", line[x].data + mark))

    def save_cursor(self) -> None:
        """As real terminals, keep one."""
        self.savepoints.clear()
        super().save_cursor()

    def set_mode(self, *modes: int, private: bool = False, **others: object) -> None:
        """All that pyte knows but 132 columns; alternate screens."""
        if private:
            self.keyboard_modes |= _PASSED_ON & set(modes)
            if _ALTERNATE_SCREENS & set(modes):
                self._enter_alternate()
            modes = tuple(mode for mode in modes if mode != _COLUMNS_132)
        super().set_mode(*modes, private=private)

    def reset_mode(self, *modes: int, private: bool = False, **others: object) -> None:
        """The opposite."""
        if private:
            self.keyboard_modes -= set(modes)
            if _ALTERNATE_SCREENS & set(modes):
                self._leave_alternate()
            modes = tuple(mode for mode in modes if mode != _COLUMNS_132)
        super().reset_mode(*modes, private=private)

    def _enter_alternate(self) -> None:
        if self._main is None:
            self._main = (dict(self.buffer), self.cursor.x, self.cursor.y)
            self.buffer.clear()
            self.dirty.update(range(self.lines))

    def _leave_alternate(self) -> None:
        if self._main is not None:
            lines, x, y = self._main
            self._main = None
            self.buffer.clear()
            self.buffer.update(lines)
            self.cursor.x, self.cursor.y = min(x, self.columns - 1), min(y, self.lines - 1)
            self.margins = None
            for gone in [gone for gone in self.buffer if gone >= self.lines]:
                del self.buffer[gone]
            self.dirty.update(range(self.lines))

    def erase_in_display(self, how: int = 0, *others: int, **private: object) -> None:
        """0 to 2: of the screen; 3: what scrolled off."""
        if how == 3:
            self.scrollback.clear()
        elif how in (0, 1, 2):
            super().erase_in_display(how)

    def erase_in_line(self, how: int = 0, *others: int, **private: object) -> None:
        """0 to 2: to the right, to the left, all."""
        if how in (0, 1, 2):
            super().erase_in_line(how)

    def bell(self, *others: object) -> None:
        """The guest wants to be heard."""
        self.bells += 1

    def report_device_status(self, mode: int = 0, *others: int) -> None:
        """Say that all is well (5) or where the cursor is (6)."""
        if mode == 5:
            self._answer(b"\x1b[0n")
        elif mode == 6:
            top = self.margins.top if self.margins and modes.DECOM in self.mode else 0
            x, y = min(self.cursor.x, self.columns - 1), self.cursor.y - top
            self._answer(f"\x1b[{y + 1};{x + 1}R".encode())

    def report_device_attributes(self, mode: int = 0, *others: int, **private: object) -> None:
        """Say that this is a VT102."""
        if mode == 0:
            self._answer(b"\x1b[?6c")
