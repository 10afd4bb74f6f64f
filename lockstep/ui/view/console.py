"""The guest's screen as lines."""

from __future__ import annotations

from functools import lru_cache

from pyte.screens import Char
from rich.cells import cell_len
from rich.color import ColorParseError
from rich.segment import Segment
from rich.style import Style

from lockstep.ui.terminal import screen
from lockstep.ui.view.line import Line

_EMPTY = Char(" ")
_NAMES = {"brown": "yellow", "brightbrown": "bright_yellow", "bfightmagenta": "bright_magenta"}
"""pyte's names (one of them with its typing error) that rich calls otherwise."""


def console_line(cells: screen.Line, columns: int) -> Line:
    """One line of the console, exactly `columns` wide."""
    line: Line = []
    text: list[str] = []
    style_of = _EMPTY[1:]
    last = min(max(cells, default=-1) + 1, columns)
    x = 0
    while x < last:
        cell = cells.get(x, _EMPTY)
        if cell[1:] != style_of:
            if text:
                line.append(Segment("".join(text), _style(style_of)))
            text, style_of = [], cell[1:]
        width = 1 if cell.data.isascii() else cell_len(cell.data)
        if width == 2 and x + 1 < columns and cells.get(x + 1, _EMPTY).data == "":
            text.append(cell.data)
            x += 2
        else:  # half of a wide character that was written over is a blank
            text.append(cell.data if width == 1 and cell.data else " ")
            x += 1
    if text:
        line.append(Segment("".join(text), _style(style_of)))
    if last < columns:
        line.append(Segment(" " * (columns - last)))
    return line


@lru_cache(maxsize=512)
def _style(attributes: tuple[str, str, bool, bool, bool, bool, bool, bool]) -> Style | None:
    foreground, background, bold, italics, underscore, strikethrough, reverse, blink = attributes
    if attributes == _EMPTY[1:]:
        return None
    return Style(
        color=_color(foreground),
        bgcolor=_color(background),
        bold=bold or None,
        italic=italics or None,
        underline=underscore or None,
        strike=strikethrough or None,
        reverse=reverse or None,
        blink=blink or None,
    )


def _color(name: str) -> str | None:
    if name == "default":
        return None
    rich_name = _NAMES.get(name) or (f"bright_{name[6:]}" if name.startswith("bright") else name)
    if len(name) == 6 and all(digit in "0123456789abcdef" for digit in name):
        rich_name = f"#{name}"
    try:
        Style(color=rich_name)
    except (ColorParseError, ValueError):
        return None  # values beyond what a colour has
    return rich_name
