"""A view as a picture, for documents."""

from __future__ import annotations

import io
import re

from rich.console import Console

from lockstep.ui.view.frame import Frame


def as_svg(frame: Frame, title: str) -> str:
    """An SVG of `frame`."""
    console = Console(
        record=True,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        width=frame.columns,
        height=frame.lines,
        legacy_windows=False,
        no_color=False,
    )
    console.print(frame, end="")
    svg = console.export_svg(title=title, unique_id="view")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # nothing is fetched to show it


def as_text(frame: Frame) -> str:
    """Its characters alone, line by line."""
    rows = []
    for y in range(frame.lines):
        pieces = sorted((x, line) for (x, line_y), line in frame.pieces.items() if line_y == y)
        rows.append("".join(segment.text for _, line in pieces for segment in line))
    return "\n".join(rows)
