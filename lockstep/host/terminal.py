"""A terminal as the guest's console: every key goes to the guest but Ctrl-A X, which leaves."""

from __future__ import annotations

import contextlib
import os
import termios
import tty
from collections.abc import Iterator

ESCAPE = 0x01
LEAVE = b"xX"


class EscapeFilter:
    """Finds Ctrl-A X among the keys. Ctrl-A Ctrl-A gives the guest one Ctrl-A; other pairs go through."""

    def __init__(self) -> None:
        """No Ctrl-A has been pressed."""
        self._escaped = False

    def keys(self, data: bytes) -> tuple[bytes, bool]:
        """The guest's part of `data`, and whether the user wants to leave (what follows is dropped)."""
        passed = bytearray()
        for key in data:
            if self._escaped:
                self._escaped = False
                if key in LEAVE:
                    return bytes(passed), True
                passed += b"" if key == ESCAPE else bytes([ESCAPE])
                passed.append(key)
            elif key == ESCAPE:
                self._escaped = True
            else:
                passed.append(key)
        return bytes(passed), False


def is_ours(descriptor: int) -> bool:
    """Whether `descriptor` is a terminal that this process may read: it isn't in the background."""
    try:
        return os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False


@contextlib.contextmanager
def raw_mode(descriptor: int | None) -> Iterator[None]:
    """Give each key at once, unechoed; newlines on output stay as they were. Undone on every way out."""
    if descriptor is None or not is_ours(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        raw = termios.tcgetattr(descriptor)
        raw[1] |= before[1] & (termios.OPOST | termios.ONLCR)
        termios.tcsetattr(descriptor, termios.TCSANOW, raw)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
