"""The README's picture is of a run as it is today: figures apart, a new one shows the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import picture
import pytest
from command import REPOSITORY, environment, fetch_linux

VARYING = {"ms", "s", "B", "KiB", "MiB", "KiB/s", "B/s", "MiB/s", "behind"}


def console(lines: list[str]) -> list[str]:
    return [re.sub(r"\d+", "0", line.partition("│")[0]).rstrip() for line in lines[:-1]]


def panel(lines: list[str]) -> set[str]:
    """The words of the panel above the events, which come and go."""
    text = " ".join(line.partition("│")[2] for line in lines)
    return set(re.findall(r"[A-Za-z/]{2,}", text.partition(" events")[0])) - VARYING


@pytest.mark.linux
@pytest.mark.timeout(240)
def test_a_new_picture_shows_the_same(tmp_path: Path) -> None:
    fetch_linux()
    path = tmp_path / "picture.svg"
    program = REPOSITORY / "tests/picture.py"
    done = subprocess.run(
        [sys.executable, program, path],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=220,
    )
    assert done.returncode == 0, done.stderr
    committed = (REPOSITORY / "docs/live-view.svg").read_text()
    new = path.read_text()
    shown, expected = picture.lines_of(new), picture.lines_of(committed)
    again = "run: python tests/picture.py docs/live-view.svg"
    assert console(shown) == console(expected), again
    assert panel(shown) == panel(expected), again
    assert "Protected" in panel(shown)
    assert re.search(r"failovers\s+[1-9]", "\n".join(shown))


def test_nothing_is_fetched_to_look_at_it() -> None:
    assert "url(http" not in (REPOSITORY / "docs/live-view.svg").read_text().replace('"', "")
