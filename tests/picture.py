"""Makes the README's picture from a run: Linux on a pair, typed at, and its primary killed.

python tests/picture.py docs/live-view.svg     (tests/e2e/test_picture.py compares that with a new one)
"""

from __future__ import annotations

import contextlib
import html
import os
import re
import sys
import threading
from pathlib import Path

from lockstep.catalog.choice import GuestOptions, choose_machine
from lockstep.cli.session import prepare
from lockstep.errors import InternalError
from lockstep.host.options import Remote, RunOptions
from lockstep.monitor.pair import run_pair
from lockstep.monitor.status import Happening, StatusSource
from lockstep.ui.terminal.emulator import Emulator
from lockstep.ui.view.frame import compose
from lockstep.ui.view.layout import console_size
from lockstep.ui.view.model import Model
from lockstep.ui.view.picture import as_svg

COLUMNS, LINES = 132, 30
PROMPT = b"~ # "
STATUS_S = 0.1
WAIT_S = 90.0
LOOP = "for i in 1 2 3 4 5 6 7 8; do echo this is line $i; usleep 250000; done"
KILL_AFTER = b"this is line 3"


class Session:
    """What a user sees and does in front of the live view, from the shell's first prompt to the picture."""

    def __init__(self, keyboard: int, remote: Remote) -> None:
        """`keyboard` is the guest's console input."""
        self._keyboard, self._remote = keyboard, remote
        self.model = Model("linux", Emulator(*console_size(COLUMNS, LINES), self._type))
        self._seen = bytearray()
        self._looked_to = 0
        self._changed = threading.Condition()
        self._happened: list[str] = []
        self._source: StatusSource | None = None
        self._is_over = threading.Event()

    def write(self, data: bytes) -> None:
        """The guest prints `data`."""
        with self._changed:
            self.model.emulator.feed(data)
            self._seen += data
            self._changed.notify_all()

    def observe(self, source: StatusSource) -> None:
        """The pair is about to start."""
        self._source = source
        source.listen(self._hear)
        threading.Thread(target=self._sample, daemon=True).start()

    def act(self) -> None:
        """Type, kill, wait until the pair is Protected again, and look."""
        self._wait_for(PROMPT)
        self._type(b"clear; uname -srm\n")
        self._wait_for(PROMPT)
        self._type(LOOP.encode() + b"\n")
        self._wait_for(KILL_AFTER + b"\r")
        protected = self._happened.count("protected")
        self._remote.crash("primary")
        self._wait_for(PROMPT)
        with self._changed:
            if not self._changed.wait_for(lambda: self._happened.count("protected") > protected, WAIT_S):
                raise InternalError(f"the pair wasn't Protected again; what happened: {self._happened}")
            assert self._source is not None
            self.model.take(self._source.status())
            self.picture = as_svg(compose(self.model, COLUMNS, LINES), "lockstep run linux")
        self._is_over.set()
        self._type(b"exit\n")

    def _hear(self, happening: Happening) -> None:
        with self._changed:
            self._happened.append(happening.kind)
            self._changed.notify_all()

    def _sample(self) -> None:
        while not self._is_over.wait(STATUS_S):
            with self._changed:
                assert self._source is not None
                self.model.take(self._source.status())

    def _type(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self._keyboard, data)

    def _wait_for(self, text: bytes) -> None:
        """`text` printed since the last wait."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._seen.find(text, self._looked_to) >= 0, WAIT_S):
                raise InternalError(f"the guest never printed {text!r}, but: {bytes(self._seen[-500:])!r}")
            self._looked_to = self._seen.find(text, self._looked_to) + len(text)


def make_picture() -> str:
    """An SVG of the live view after a failover."""
    config = choose_machine(GuestOptions(guest="linux", append="quiet loglevel=1"))
    prepare()
    reader, writer = os.pipe()
    remote = Remote()
    session = Session(writer, remote)
    user = threading.Thread(target=session.act, daemon=True)
    user.start()
    options = RunOptions(live_input=reader, write_console=session.write, remote=remote, timeout_s=2 * WAIT_S)
    run_pair(config, options, observer=session.observe)
    user.join(WAIT_S)
    return session.picture


def lines_of(svg: str) -> list[str]:
    """The picture's lines of text."""
    rows: dict[int, list[tuple[float, str]]] = {}
    pieces = re.findall(r'<text class="[^"]*" x="([\d.]+)" [^>]*#view-line-(\d+)\)">(.*?)</text>', svg)
    for x, row, text in pieces:
        rows.setdefault(int(row), []).append((float(x), html.unescape(text).replace("\xa0", " ")))
    return ["".join(text for _, text in sorted(rows[row])) for row in sorted(rows)]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(make_picture())
