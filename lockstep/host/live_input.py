"""Live console input: from a file descriptor into a mailbox."""

from __future__ import annotations

import os
import threading

MAILBOX_BYTES_MAX = 1 << 16


class Mailbox:
    """Bytes that were read and that the machine hasn't taken yet. One thread fills it, another empties it."""

    def __init__(self) -> None:
        """Empty."""
        self._lock = threading.Lock()
        self._waiting = bytearray()

    @property
    def room(self) -> int:
        """How many bytes it still takes."""
        return MAILBOX_BYTES_MAX - len(self._waiting)

    def put(self, data: bytes) -> None:
        """Add `data`, which fits."""
        with self._lock:
            self._waiting += data

    def take(self, count: int) -> bytes:
        """Up to `count` of the oldest bytes."""
        with self._lock:
            data = bytes(self._waiting[:count])
            del self._waiting[:count]
            return data

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)


def read_available(descriptor: int, count: int) -> bytes | None:
    """What a readable `descriptor` has, up to `count` bytes; None at its end (a hang-up is one)."""
    try:
        return os.read(descriptor, count) or None
    except (BlockingIOError, InterruptedError):
        return b""
    except OSError:
        return None
