"""Who gets a live view, and what the others don't pay for."""

from __future__ import annotations

import subprocess
import sys

from lockstep.ui.live.choice import wants_view

LOADED = """
import sys
from lockstep.cli.session import run_session
from lockstep.cli.view import viewed
from lockstep.host.options import RunOptions
with viewed("hello", RunOptions(), plain=False) as run:
    assert not run.observers and not run.is_shown
print(*sorted({"rich", "pyte", "lockstep.ui.live.link"} & set(sys.modules)))
"""


def test_a_run_without_a_view_loads_nothing_of_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"\n"), done.stderr.decode()


def test_none_without_a_terminal_that_can_show_it() -> None:
    assert not wants_view({})
    assert not wants_view({"TERM": "dumb"})
    assert not wants_view({"TERM": ""})
