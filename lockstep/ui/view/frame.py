"""Everything at its place: one picture of the view."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment

from lockstep.ui.view.bar import bar
from lockstep.ui.view.console import console_line
from lockstep.ui.view.help import help_box
from lockstep.ui.view.layout import Box, Layout, lay_out
from lockstep.ui.view.line import Line
from lockstep.ui.view.model import Model
from lockstep.ui.view.panel import panel
from lockstep.ui.view.strip import strip

Place = tuple[int, int]
"""Column and line of a piece's first cell."""


@dataclasses.dataclass(frozen=True)
class Frame:
    """Lines at their places, which don't overlap and cover all; where the cursor is, if it is to be seen."""

    columns: int
    lines: int
    pieces: dict[Place, Line]
    cursor: Place | None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """For rich: line by line."""
        for y in range(self.lines):
            for _, line in sorted((x, line) for (x, line_y), line in self.pieces.items() if line_y == y):
                yield from line
            yield Segment.line()


def compose(model: Model, columns: int, lines: int) -> Frame:
    """The view on a terminal of that size."""
    layout = lay_out(columns, lines, is_panel_shown=model.is_panel_shown)
    return Frame(layout.columns, layout.lines, dict(_pieces(model, layout)), _cursor(model, layout.console))


def _pieces(model: Model, layout: Layout) -> Iterator[tuple[Place, Line]]:
    yield from _console(model, layout.console)
    if layout.bar:
        yield (layout.bar.x, layout.bar.y), bar(model, layout.bar.columns)
    for box, draw in ((layout.panel, panel), (layout.strip, strip)):
        if box:
            for number, line in enumerate(draw(model, box.columns, box.lines)):
                yield (box.x, box.y + number), line


def _console(model: Model, box: Box) -> Iterator[tuple[Place, Line]]:
    shown = model.emulator.visible(model.scrolled_back)
    covered: dict[int, Line] = {}
    if model.is_help_shown:
        over, lines = help_box(box, model.glyphs)
        covered = {over.y + number: _centred(line, over, box) for number, line in enumerate(lines)}
    for number in range(box.lines):
        cells = shown[number] if number < len(shown) else {}
        line = covered.get(box.y + number) or console_line(cells, box.columns)
        yield (box.x, box.y + number), line


def _centred(line: Line, over: Box, box: Box) -> Line:
    left = over.x - box.x
    return [Segment(" " * left), *line, Segment(" " * (box.columns - over.columns - left))]


def _cursor(model: Model, box: Box) -> Place | None:
    cursor = model.emulator.screen.cursor
    if cursor.hidden or model.scrolled_back or model.is_scrolling or model.is_help_shown:
        return None
    return (box.x + min(cursor.x, box.columns - 1), box.y + min(cursor.y, box.lines - 1))
