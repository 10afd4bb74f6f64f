"""What the terminal can do."""

from __future__ import annotations

import pytest
from rich.color import ColorSystem

from lockstep.ui.live.abilities import abilities
from lockstep.ui.view.styles import ASCII, UNICODE


@pytest.mark.parametrize(
    ("environment", "colors"),
    [
        ({"TERM": "xterm"}, ColorSystem.STANDARD),
        ({"TERM": "xterm-256color"}, ColorSystem.EIGHT_BIT),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, ColorSystem.TRUECOLOR),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, None),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, ColorSystem.EIGHT_BIT),
        ({"TERM": "vt100"}, None),
    ],
)
def test_colours(environment: dict[str, str], colors: ColorSystem | None) -> None:
    assert abilities(environment).colors == colors


@pytest.mark.parametrize(
    ("environment", "is_unicode"),
    [
        ({}, True),
        ({"LANG": "C"}, True),
        ({"LANG": "en_US.UTF-8"}, True),
        ({"LANG": "de_DE.ISO-8859-1@euro"}, False),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "de_DE.ISO-8859-1"}, False),
        ({"TERM": "vt220"}, False),
    ],
)
def test_characters(environment: dict[str, str], is_unicode: bool) -> None:
    assert abilities(environment).glyphs is (UNICODE if is_unicode else ASCII)
