"""`python -m lockstep.ui.live SOCKET KEYS NOTICES`: the live view's process, started by `link`."""

from __future__ import annotations

import os
import socket
import sys

from lockstep.ui.live.abilities import abilities
from lockstep.ui.live.terminal import Terminal
from lockstep.ui.live.view_process import ViewProcess


def main() -> None:
    """Serve one run; its descriptors are the arguments."""
    run, keys_out, notices = map(int, sys.argv[1:])
    able = abilities(os.environ)
    terminal = Terminal(able)
    view = ViewProcess(socket.socket(fileno=run), keys_out, notices, terminal, able.glyphs)
    try:
        view.serve()
    finally:
        view.finish()


if __name__ == "__main__":
    main()
