"""Writes console output to the world in a thread of its own, so that a slow reader never blinds the monitor."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from lockstep.host.result import ConsoleMeter


class ConsoleWriter:
    """A queue of output with a thread behind it. `written` counts what the world has."""

    def __init__(self, write: Callable[[bytes], None], wake: Callable[[], None]) -> None:
        """`write` blocks; `wake` is called from the thread when `written` or `failure` has changed."""
        self._write, self._wake = write, wake
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.meter = ConsoleMeter()
        self.written = 0
        self.failure: OSError | None = None
        self._thread.start()

    def put(self, data: bytes) -> None:
        """Have `data` written after all before it."""
        if data:
            self._queue.put(data)

    def _run(self) -> None:
        while (data := self._queue.get()) is not None:
            try:
                self._write(data)
            except OSError as error:
                self.failure = error
                self._wake()
                return
            self.meter.add(data)
            self.written += len(data)
            self._wake()

    def close(self, timeout_s: float) -> None:
        """Wait until all is written, but not longer than `timeout_s`."""
        self._queue.put(None)
        self._thread.join(timeout_s)
