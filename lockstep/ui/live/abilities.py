"""What the terminal can do, from the environment that describes it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

from rich.color import ColorSystem

from lockstep.ui.view.styles import ASCII, UNICODE, Glyphs

_OLD_TERMINALS = ("vt100", "vt102", "vt220", "ansi", "cons25")


@dataclasses.dataclass(frozen=True)
class Abilities:
    """Colours (None: none wanted), characters and their encoding."""

    colors: ColorSystem | None
    glyphs: Glyphs
    encoding: str


def abilities(environment: Mapping[str, str]) -> Abilities:
    """From TERM, COLORTERM, NO_COLOR and the locale. Without a locale that says otherwise it is UTF-8."""
    terminal = environment.get("TERM", "")
    encoding = _encoding(environment)
    is_unicode = encoding == "utf-8" and not terminal.startswith(_OLD_TERMINALS)
    return Abilities(_colors(environment, terminal), UNICODE if is_unicode else ASCII, encoding)


def _colors(environment: Mapping[str, str], terminal: str) -> ColorSystem | None:
    if environment.get("NO_COLOR") or terminal.startswith(("vt1", "vt2")):
        return None
    if environment.get("COLORTERM") in ("truecolor", "24bit"):
        return ColorSystem.TRUECOLOR
    return ColorSystem.EIGHT_BIT if "256" in terminal or "kitty" in terminal else ColorSystem.STANDARD


def _encoding(environment: Mapping[str, str]) -> str:
    locale = next(filter(None, map(environment.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "")
    _, _, charset = locale.partition(".")
    charset = charset.partition("@")[0].lower()
    return "utf-8" if charset in ("", "utf-8", "utf8") else "ascii"


def terminal_size(descriptor: int) -> tuple[int, int]:
    """Columns and lines; 80 by 24 if the terminal doesn't say."""
    try:
        columns, lines = os.get_terminal_size(descriptor)
    except OSError:
        return 80, 24
    return (columns, lines) if columns > 0 and lines > 0 else (80, 24)
