"""All that the view shows, as a value that the shell fills and the drawing functions read."""

from __future__ import annotations

import dataclasses
from collections import deque

from lockstep.monitor.status import Status
from lockstep.ui.terminal.emulator import Emulator
from lockstep.ui.view.series import Series
from lockstep.ui.view.styles import UNICODE, Glyphs


@dataclasses.dataclass
class Model:
    """One view of one pair."""

    guest: str
    emulator: Emulator
    glyphs: Glyphs = UNICODE
    status: Status | None = None
    series: Series = dataclasses.field(default_factory=Series)
    notices: deque[str] = dataclasses.field(default_factory=lambda: deque(maxlen=50))
    """What lockstep said meanwhile."""
    scrolled_back: int = 0
    """How many lines back the console is shown."""
    is_scrolling: bool = False
    is_help_shown: bool = False
    is_panel_shown: bool = True
    is_escaped: bool = False
    """Ctrl-A was pressed: the next key is for lockstep."""

    def take(self, status: Status) -> None:
        """The pair's latest status."""
        self.status = status
        self.series.add(status)
