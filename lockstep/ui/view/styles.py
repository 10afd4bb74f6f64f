"""The view's colours, and the characters that it draws with."""

from __future__ import annotations

import dataclasses

from rich.style import Style

LABEL = Style(dim=True)
VALUE = Style(bold=True)
GOOD = Style(color="green", bold=True)
POOR = Style(color="yellow", bold=True)
BAD = Style(color="red", bold=True)
RULE = Style(dim=True)
CURVE = Style(color="cyan")
BAR = Style(reverse=True)


@dataclasses.dataclass(frozen=True)
class Glyphs:
    """What the terminal's character set allows."""

    is_unicode: bool
    vertical: str
    horizontal: str
    levels: str
    dot: str
    corners: str


UNICODE = Glyphs(True, "│", "─", "▁▂▃▄▅▆▇█", "●", "┌┐└┘")
ASCII = Glyphs(False, "|", "-", "_.,:;=+#", "*", "++++")
