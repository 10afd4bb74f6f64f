"""The journal of runs in a file, for people who operate them: JSON lines, appended.

Each line: `time` (UTC), `run` (a random name of the run), `pid` (of its monitor), and what a `Happening` has. Several
runs may write into one file. A thread writes, so that nobody who serves a guest waits for a disk.
"""

from __future__ import annotations

import datetime
import os
import queue
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from lockstep.errors import UsageError
from lockstep.monitor.status import Happening

WAITING_MAX = 10_000
"""Lines that wait for a disk that hangs; more are left out, which is said in the file."""
CLOSE_LIMIT_S = 3.0


class JournalFile:
    """A journal open for appending. `write` comes back at once; a full disk is said once, and tried again."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        """UsageError if `path` can't be written."""
        self._path, self._say = path, say
        self._run = secrets.token_hex(4)
        self._is_in_trouble = False
        self._lost = 0
        try:
            # Not to be waited for: a pipe that nobody reads.
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
            self._descriptor = os.open(path, flags, 0o666)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise UsageError(f"--journal {path} can't be written: {reason}; give another path") from error
        os.set_blocking(self._descriptor, True)
        self._is_line_open = _ends_within_a_line(path)
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    def write(self, happening: Happening) -> None:
        """Append a line, soon."""
        if self._lines.qsize() >= WAITING_MAX:
            self._lost += 1
            return
        if self._lost:
            text = f"{self._lost} lines are missing here: the journal could not be written"
            gap = Happening(at_s=happening.at_s, kind="gap", text=text, data={"lost": self._lost})
            self._lost = 0
            self._lines.put(self._line(gap))
        self._lines.put(self._line(happening))

    def _line(self, happening: Happening) -> bytes:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
        head = {"time": now, "run": self._run, "pid": os.getpid()}
        return msgspec.json.encode(head | msgspec.structs.asdict(happening)) + b"\n"

    def _work(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._append(line)
            except OSError as error:
                if not self._is_in_trouble:
                    self._is_in_trouble = True
                    self._say(
                        f"the journal {self._path} can't be written: {error.strerror}; the guest runs on without it"
                    )

    def _append(self, line: bytes) -> None:
        # In one write: what several runs append stays apart.
        left = b"\n" + line if self._is_line_open else line
        while left:
            written = os.write(self._descriptor, left)
            self._is_line_open = written < len(left)
            left = left[written:]

    def close(self) -> None:
        """Wait for the last line, but not for a disk that hangs."""
        self._lines.put(None)
        self._thread.join(CLOSE_LIMIT_S)
        if not self._thread.is_alive():
            os.close(self._descriptor)


def _ends_within_a_line(path: Path) -> bool:
    """Whether a run was killed, or its disk full, in the middle of a line."""
    try:
        if not path.is_file() or path.stat().st_size == 0:
            return False
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:
        return False
