"""A lock for a thread that takes it all the time and others that take it now and then, who needn't wait for long."""

from __future__ import annotations

import threading
from types import TracebackType


class FairLock:
    """Who waits for it is next, before who has just let go of it."""

    def __init__(self) -> None:
        """Free."""
        self._lock, self._next = threading.Lock(), threading.Lock()

    def __enter__(self) -> None:
        """Take it."""
        with self._next:
            self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go."""
        self._lock.release()
