"""Which escape sequences get through to the terminal's emulation."""

from __future__ import annotations

import random

import pytest

from lockstep.ui.terminal.sequences import SequenceFilter

KEPT = [
    "\x1b[31m",
    "\x1b[1;38;5;208m",
    "\x1b[2J",
    "\x1b[H",
    "\x1b[?1049h",
    "\x1b7",
    "\x1bM",
    "\x1b(0",
    "\x1b[6n",
]
DROPPED = [
    "\x1b]0;a title\x07",
    "\x1b]52;c;c3RlYWw=\x1b\\",
    "\x1bP+q544e\x1b\\",
    "\x1b_private\x1b\\",
    "\x1b[>c",
    "\x1b[?6n",
    "\x1b[?5A",
    "\x1b[4:3m",
    "\x1b[!p",
    "\x1b[8;100;100t",
    f"\x1b[{'1' * 5000}m",
    "\x1b%G",
    "\x9b31m"[:1],
]


@pytest.mark.parametrize("sequence", KEPT)
def test_what_is_known_passes(sequence: str) -> None:
    assert SequenceFilter().known(f"a{sequence}b") == f"a{sequence}b"


@pytest.mark.parametrize("sequence", DROPPED)
def test_what_is_not_known_is_left_out_whole(sequence: str) -> None:
    assert SequenceFilter().known(f"a{sequence}b") == "ab"


def test_the_other_names_of_save_and_restore() -> None:
    assert SequenceFilter().known("\x1b[sa\x1b[u") == "\x1b7a\x1b8"


def test_pieces_come_out_as_the_whole() -> None:
    seed = random.randrange(1 << 30)
    print("seed", seed)
    draw = random.Random(seed)
    text = "".join(draw.choice([*KEPT, *DROPPED, "text", "\r\n", "ä"]) for _ in range(200))
    whole = SequenceFilter().known(text)
    pieces, filter_ = [], SequenceFilter()
    while text:
        count = draw.randint(1, 9)
        pieces.append(filter_.known(text[:count]))
        text = text[count:]
    assert "".join(pieces) == whole


def test_a_string_without_an_end_takes_no_memory() -> None:
    filter_ = SequenceFilter()
    assert filter_.known("\x1b]0;") == ""
    for _ in range(100):
        assert filter_.known("x" * 10_000) == ""
    assert len(filter_._unfinished) < 10
    assert filter_.known("\x07back") == "back"
