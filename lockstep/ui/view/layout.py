"""Where everything goes on a terminal of some size."""

from __future__ import annotations

import dataclasses

COLUMNS_MIN, LINES_MIN = 60, 16
"""Smaller terminals get no view; one that becomes smaller later shows what fits."""
CONSOLE_COLUMNS_MIN = 80
PANEL_COLUMNS_MIN, PANEL_COLUMNS_MAX = 38, 58
PANEL_LINES_MIN = 18
STRIP_LINES = 5


@dataclasses.dataclass(frozen=True)
class Box:
    """A part of the screen, in cells; 0 columns or lines: it isn't there."""

    x: int = 0
    y: int = 0
    columns: int = 0
    lines: int = 0

    def __bool__(self) -> bool:
        """Whether there is anything of it."""
        return self.columns > 0 and self.lines > 0


@dataclasses.dataclass(frozen=True)
class Layout:
    """The console, the pair (beside it as a panel or below it as a strip) and the bar at the bottom of the console."""

    columns: int
    lines: int
    console: Box
    bar: Box
    panel: Box = Box()
    strip: Box = Box()


def lay_out(columns: int, lines: int, *, is_panel_shown: bool = True) -> Layout:
    """The layout for a terminal of that size, however small."""
    columns, lines = max(columns, 1), max(lines, 1)
    bar_lines = 1 if lines >= 3 else 0
    bar = Box(0, lines - bar_lines, columns, bar_lines)
    if not is_panel_shown or columns < COLUMNS_MIN // 2 or lines < LINES_MIN // 2 + STRIP_LINES:
        return Layout(columns, lines, Box(0, 0, columns, lines - bar_lines), bar)
    panel_columns = min(max(columns - CONSOLE_COLUMNS_MIN - 1, 0), PANEL_COLUMNS_MAX)
    if panel_columns >= PANEL_COLUMNS_MIN and lines >= PANEL_LINES_MIN:
        if columns >= 3 * PANEL_COLUMNS_MAX:
            panel_columns = PANEL_COLUMNS_MAX
        console = Box(0, 0, columns - panel_columns - 1, lines - 1)
        return Layout(
            columns, lines, console, bar, panel=Box(console.columns, 0, panel_columns + 1, lines - 1)
        )
    console = Box(0, 0, columns, lines - 1 - STRIP_LINES)
    bar = Box(0, console.lines, columns, 1)
    return Layout(columns, lines, console, bar, strip=Box(0, console.lines + 1, columns, STRIP_LINES))


def console_size(columns: int, lines: int, *, is_panel_shown: bool = True) -> tuple[int, int]:
    """Columns and lines of the guest's screen on a terminal of that size."""
    console = lay_out(columns, lines, is_panel_shown=is_panel_shown).console
    return max(console.columns, 1), max(console.lines, 1)
