"""Which keys there are."""

from __future__ import annotations

from lockstep.ui.view.layout import Box
from lockstep.ui.view.line import Line, make_line
from lockstep.ui.view.styles import VALUE, Glyphs

KEYS = (
    ("X", "leave: the run ends"),
    ("P", "crash the primary (SIGKILL)"),
    ("S", "crash the secondary (SIGKILL)"),
    ("R", "re-protect: make a secondary now"),
    ("V", "show the console alone, or the pair as well"),
    ("L", "draw everything anew"),
    ("Z", "suspend; fg goes on"),
    ("PgUp", "look back; PgDn, q"),
    ("H ?", "this; any key closes it"),
    ("Ctrl-A", "one Ctrl-A to the guest"),
)
_WIDTH = 58


def help_box(outer: Box, glyphs: Glyphs) -> tuple[Box, list[Line]]:
    """Where it goes within `outer`, and its lines."""
    rows = [" Keys after Ctrl-A; all others go to the guest", ""]
    rows += [f"  {key:<7} {what}" for key, what in KEYS]
    columns, lines = min(_WIDTH, outer.columns), min(len(rows) + 2, outer.lines)
    box = Box(outer.x + (outer.columns - columns) // 2, outer.y + (outer.lines - lines) // 2, columns, lines)
    top_left, top_right, bottom_left, bottom_right = list(glyphs.corners)
    edge = glyphs.horizontal * max(columns - 2, 0)
    shown = [make_line(columns, [(f"{top_left}{edge}{top_right}", VALUE)])]
    for row in rows[: max(lines - 2, 0)]:
        inner = make_line(max(columns - 2, 0), [row])
        side = (glyphs.vertical, VALUE)
        shown.append([*make_line(1, [side]), *inner, *make_line(1, [side])])
    shown.append(make_line(columns, [(f"{bottom_left}{edge}{bottom_right}", VALUE)]))
    return box, shown[:lines]
