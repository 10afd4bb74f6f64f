"""Whether a run gets a live view. Imports nothing heavy: a plain run asks as well."""

from __future__ import annotations

import os
from collections.abc import Mapping

from lockstep.ui.view.layout import COLUMNS_MIN, LINES_MIN

LEAVE = "\x1b[?2026l\x1b[0m\x1b[?7h\x1b[?1l\x1b[?2004l\x1b[?25h\x1b[?1007r\x1b[?1049l"
"""Leaves the view's screen: modes as they usually are, and what was on the screen before."""


def wants_view(environment: Mapping[str, str]) -> bool:
    """Whether stdin, stdout and stderr are one terminal that this process may use, and that can show a view."""
    from lockstep.host.terminal import is_ours

    if environment.get("TERM", "dumb") in ("dumb", "", "unknown"):
        return False
    try:
        if len({os.ttyname(descriptor) for descriptor in (0, 1, 2)}) != 1 or not is_ours(0):
            return False
        columns, lines = os.get_terminal_size(1)
    except OSError:
        return False
    return columns >= COLUMNS_MIN and lines >= LINES_MIN
