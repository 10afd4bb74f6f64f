"""What comes out of a descriptor, kept by a thread that reads it as it comes."""

from __future__ import annotations

import os
import threading
import time


class ConsoleStream:
    """All output so far, and how much of it has been read."""

    def __init__(self, descriptor: int) -> None:
        """Read `descriptor` to its end."""
        self._descriptor = descriptor
        self._data = bytearray()
        self._read = 0
        self._is_over = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                data = os.read(self._descriptor, 1 << 16)
            except OSError:
                data = b""
            with self._changed:
                self._data += data
                self._is_over = not data
                self._changed.notify_all()
            if not data:
                return

    @property
    def all(self) -> bytes:
        """Everything so far."""
        with self._changed:
            return bytes(self._data)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self._is_over

    def take(self, timeout_s: float | None) -> bytes:
        """What has come since the last call; waits for some. Empty: nothing more will, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._read < len(self._data), timeout_s)
            data = bytes(self._data[self._read :])
            self._read = len(self._data)
            return data

    def take_until(self, wanted: bytes, timeout_s: float | None) -> bytes | None:
        """What has come since the last call, up to and with `wanted`. None: it didn't come, nothing is taken."""
        end_s = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            searched_from = self._read
            while (found := self._data.find(wanted, searched_from)) < 0:
                searched_from = max(self._read, len(self._data) - len(wanted) + 1)
                left_s = None if end_s is None else end_s - time.monotonic()
                if self._is_over or (left_s is not None and left_s <= 0):
                    return None
                self._changed.wait(left_s)
            data = bytes(self._data[self._read : found + len(wanted)])
            self._read = found + len(wanted)
            return data

    def join(self, timeout_s: float) -> None:
        """Wait for the end."""
        self._thread.join(timeout_s)
