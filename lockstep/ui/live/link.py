"""A run's end of the line to its live view, which is a process of its own.

So nothing that the view does (draw, wait for a slow terminal, fail) is waited for by the monitor, which has failures
of hosts to notice; the view outlives the run and gives the terminal back even if the run is killed, and the run
outlives the view.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from lockstep.monitor.status import StatusSource
from lockstep.ui.live import messages
from lockstep.ui.live.choice import LEAVE

STATUS_S = 0.25
SOCKET_BUFFER_BYTES = 1 << 20
GOODBYE_LIMIT_S = 5.0
_STDERR = 2
_BY = "a key in the live view"


class Link:
    """The view of one run. What it is given may come from any thread."""

    def __init__(self, guest: str, *, takes_keys: bool, write_plain: Callable[[bytes], None]) -> None:
        """Start the view's process. Without it, if it fails, output goes to `write_plain`."""
        self._write_plain = write_plain
        self._before = termios.tcgetattr(0)
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        self.keys, keys_out = os.pipe()
        notices, self._notices_in = os.pipe()
        passed = (theirs.fileno(), keys_out, notices)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lockstep.ui.live", *map(str, passed)], pass_fds=passed
            )
        os.close(keys_out)
        self._notices = notices
        self._socket = ours
        self._lock = threading.Lock()
        self._is_up = True
        self._is_over = threading.Event()
        self._news = threading.Event()
        self._source: StatusSource | None = None
        self._send(messages.START, msgspec.msgpack.encode(messages.Start(guest, takes_keys)))
        threading.Thread(target=self._hear, daemon=True).start()

    def write(self, data: bytes) -> None:
        """The guest's output."""
        if not self._send(messages.OUTPUT, data):
            self._write_plain(data)

    def observe(self, source: StatusSource) -> None:
        """Show this pair, and let the user act on it."""
        self._source = source
        source.listen(lambda happening: self._news.set())
        threading.Thread(target=self._tell_status, daemon=True).start()

    def _send(self, kind: int, body: bytes) -> bool:
        with self._lock:
            if not self._is_up:
                return False
            try:
                self._socket.sendall(messages.encode(kind, body))
            except OSError:
                return False
            return True

    def _tell_status(self) -> None:
        assert self._source is not None
        while not self._is_over.is_set():
            if not self._send(messages.STATUS, msgspec.msgpack.encode(self._source.status())):
                return
            if self._news.wait(STATUS_S):
                self._news.clear()
                self._is_over.wait(STATUS_S / 5)  # several things happen at once

    def _hear(self) -> None:
        decoder = messages.Decoder()
        while data := self._receive():
            for _, body in decoder.messages(data):
                self._act(body.decode())
        if not self._is_over.is_set():
            self._do_without()

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(4096)
        except OSError:
            return b""

    def _act(self, action: str) -> None:
        remote = None if self._source is None else self._source.remote
        if action == "leave" or remote is None:
            os.kill(os.getpid(), signal.SIGINT)
        elif action == "protect":
            remote.protect(by=_BY)
        elif action in ("crash primary", "crash secondary"):
            remote.crash(action.removeprefix("crash "), by=_BY)

    def _do_without(self) -> None:
        """The view died: the terminal is to be usable, and the guest's output to be seen."""
        with self._lock:
            self._is_up = False
        self._process.wait()
        self._restore_terminal()
        with contextlib.suppress(OSError):
            os.write(1, b"lockstep: the live view died; the guest runs on, Ctrl-C ends it\r\n")

    def _restore_terminal(self) -> None:
        with contextlib.suppress(OSError, termios.error):
            os.write(1, LEAVE.encode())
            termios.tcsetattr(0, termios.TCSADRAIN, self._before)

    def suspend(self) -> None:
        """This process is to stop: once the view has given the terminal back. Then bring the view back."""
        with contextlib.suppress(OSError):
            self._process.send_signal(signal.SIGTSTP)
            os.waitpid(self._process.pid, os.WUNTRACED)
        os.kill(os.getpid(), signal.SIGSTOP)
        with contextlib.suppress(OSError):
            self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """The run is over: wait until the view has left the screen."""
        self._is_over.set()
        self._news.set()
        self._send(messages.GOODBYE, b"")
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        try:
            self._process.wait(GOODBYE_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            self._restore_terminal()
        for descriptor in (self.keys, self._notices, self._notices_in):
            os.close(descriptor)

    @contextlib.contextmanager
    def stderr_shown(self) -> Iterator[None]:
        """Within: what this process and those that it starts say on stderr is shown by the view."""
        before = os.dup(_STDERR)
        os.dup2(self._notices_in, _STDERR)
        try:
            yield
        finally:
            os.dup2(before, _STDERR)
            os.close(before)


@contextlib.contextmanager
def live_view(guest: str, *, takes_keys: bool, write_plain: Callable[[bytes], None]) -> Iterator[Link]:
    """Within: a view on this process's terminal, which is as it was afterwards."""
    link = Link(guest, takes_keys=takes_keys, write_plain=write_plain)
    before: Any = signal.signal(signal.SIGTSTP, lambda *_: link.suspend())
    try:
        with link.stderr_shown():
            yield link
    finally:
        link.close()
        signal.signal(signal.SIGTSTP, before)
