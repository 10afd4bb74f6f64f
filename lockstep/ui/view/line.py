"""One line of the view: pieces of text with a style, of an exact width in cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

Line = list[Segment]
Piece = str | tuple[str, Style]


def printable(text: str) -> str:
    """`text` without what would move a cursor or change colours: names come from files."""
    return "".join(character if character.isprintable() else "?" for character in text)


def make_line(width: int, pieces: Iterable[Piece], fill: Style | None = None) -> Line:
    """The pieces one behind the other, cut or filled up to `width` cells; `fill` is the style of what has none."""
    line, left = [], width
    for piece in pieces:
        text, style = (piece, fill) if isinstance(piece, str) else piece
        text = printable(text)
        used = cell_len(text)
        if used > left:
            text, used = set_cell_size(text, left), left
        if text:
            line.append(Segment(text, style))
        left -= used
    if left > 0:
        line.append(Segment(" " * left, fill))
    return line


def spread(width: int, left: Sequence[Piece], right: Sequence[Piece], fill: Style | None = None) -> Line:
    """`left` at the left, and `right` at the right if there is room for it."""
    used = sum(
        cell_len(printable(piece if isinstance(piece, str) else piece[0])) for piece in (*left, *right)
    )
    if used >= width:
        return make_line(width, left, fill)
    return make_line(width, [*left, " " * (width - used), *right], fill)


def text_of(line: Line) -> str:
    """What it reads."""
    return "".join(segment.text for segment in line)
