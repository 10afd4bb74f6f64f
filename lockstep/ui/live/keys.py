"""What keys mean: text for the guest, or after Ctrl-A something for lockstep. No I/O."""

from __future__ import annotations

import enum
import re

from lockstep.host.terminal import ESCAPE


class Command(enum.Enum):
    """What a user may want of lockstep."""

    LEAVE = "leave"
    CRASH_PRIMARY = "crash primary"
    CRASH_SECONDARY = "crash secondary"
    PROTECT = "protect"
    HELP = "help"
    PANEL = "panel"
    REDRAW = "redraw"
    SUSPEND = "suspend"
    PAGE_UP = "page up"
    PAGE_DOWN = "page down"
    LINE_UP = "line up"
    LINE_DOWN = "line down"
    OLDEST = "oldest"
    NEWEST = "newest"


Key = bytes | Command
"""Text for the guest, or a command."""

_KEY = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[@-~])|.", re.DOTALL)
_PAGE_UP, _PAGE_DOWN = b"\x1b[5~", b"\x1b[6~"
_AFTER_ESCAPE = {
    b"x": Command.LEAVE,
    b"p": Command.CRASH_PRIMARY,
    b"s": Command.CRASH_SECONDARY,
    b"r": Command.PROTECT,
    b"h": Command.HELP,
    b"?": Command.HELP,
    b"v": Command.PANEL,
    b"l": Command.REDRAW,
    b"z": Command.SUSPEND,
    b"[": Command.PAGE_UP,
    _PAGE_UP: Command.PAGE_UP,
    _PAGE_DOWN: Command.PAGE_DOWN,
}
_WHILE_SCROLLING = {
    _PAGE_UP: Command.PAGE_UP,
    b"b": Command.PAGE_UP,
    _PAGE_DOWN: Command.PAGE_DOWN,
    b" ": Command.PAGE_DOWN,
    b"\x1b[A": Command.LINE_UP,
    b"\x1bOA": Command.LINE_UP,
    b"k": Command.LINE_UP,
    b"\x1b[B": Command.LINE_DOWN,
    b"\x1bOB": Command.LINE_DOWN,
    b"j": Command.LINE_DOWN,
    b"g": Command.OLDEST,
    b"\x1b[H": Command.OLDEST,
    b"G": Command.NEWEST,
    b"\x1b[F": Command.NEWEST,
    b"q": Command.NEWEST,
    b"\x1b": Command.NEWEST,
    b"\r": Command.NEWEST,
}


class Keys:
    """Keys as they are pressed."""

    def __init__(self) -> None:
        """No Ctrl-A was pressed, and nobody looks back."""
        self.is_escaped = False
        self.is_scrolling = False

    def read(self, data: bytes) -> list[Key]:
        """What was meant by `data`. Ctrl-A Ctrl-A is one for the guest; Ctrl-A and a key without a meaning are both."""
        keys: list[Key] = []
        for match in _KEY.finditer(data):
            key = self._one(match[0])
            if isinstance(key, bytes) and keys and isinstance(keys[-1], bytes):
                keys[-1] += key
            elif key is not None:
                keys.append(key)
        return keys

    def _one(self, key: bytes) -> Key | None:
        if self.is_escaped:
            self.is_escaped = False
            command = _AFTER_ESCAPE.get(key.lower() if len(key) == 1 else key)
            if command is not None:
                return self._noted(command)
            return key if key == bytes([ESCAPE]) else bytes([ESCAPE]) + key
        if key == bytes([ESCAPE]):
            self.is_escaped = True
            return None
        if self.is_scrolling and key in _WHILE_SCROLLING:
            return self._noted(_WHILE_SCROLLING[key])
        if (
            self.is_scrolling
        ):  # whoever types wants to see what the guest answers: the shell goes to the newest line
            self.is_scrolling = False
        return key

    def _noted(self, command: Command) -> Command:
        if command is Command.PAGE_UP:
            self.is_scrolling = True
        elif command is Command.NEWEST:
            self.is_scrolling = False
        return command
