"""What happened to a pair, and when: noted where it is decided. No I/O and no clock: it is told the time.

Who wants to know at once (a file, `lockstep watch`) listens; the last ones are kept for those who come later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from lockstep.monitor.status import Happening

KEPT = 100

Listener = Callable[[Happening], None]


class Journal:
    """The happenings of one pair, in order."""

    def __init__(self) -> None:
        """Nothing has happened."""
        self.now_s = 0.0
        """The monitor's clock, as it was last told."""
        self.started_at_s: float | None = None
        """When the guest's first instruction ran."""
        self.last: deque[Happening] = deque(maxlen=KEPT)
        self._listeners: list[Listener] = []
        self._protection = ""

    def note(self, kind: str, text: str, **data: Any) -> None:
        """Something of `kind` happens now."""
        since_s = 0.0 if self.started_at_s is None else self.now_s - self.started_at_s
        happening = Happening(at_s=round(since_s, 6), kind=kind, text=text, data=data)
        self.last.append(happening)
        for listener in list(self._listeners):
            listener(happening)

    def note_protection(self, status: str, *, is_protected: bool) -> None:
        """The pair's protection is `status`; worth a note if that is new."""
        if status != self._protection:
            self._protection = status
            self.note("protected" if is_protected else "not-protected", status)

    def listen(self, listener: Listener) -> None:
        """Have `listener` called in the monitor's thread with what happens from now on; it must not block."""
        self._listeners.append(listener)
