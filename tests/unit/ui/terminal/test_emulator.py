"""The guest's console as a terminal."""

from __future__ import annotations

import random

from lockstep.ui.terminal import emulator as emulator_module
from lockstep.ui.terminal.emulator import Emulator
from lockstep.ui.view.console import console_line
from lockstep.ui.view.line import text_of


def shown(emulator: Emulator, back: int = 0) -> list[str]:
    columns = emulator.screen.columns
    lines = [text_of(console_line(line, columns)) for line in emulator.visible(back)]
    return [line.rstrip() for line in lines]


def fed(data: bytes, columns: int = 20, lines: int = 4) -> Emulator:
    emulator = Emulator(columns, lines)
    emulator.feed(data)
    return emulator


def test_lines_wrap_scroll_and_can_be_looked_back_at() -> None:
    emulator = fed(b"".join(b"line %d\r\n" % number for number in range(10)) + b"x" * 25)
    assert shown(emulator) == ["line 8", "line 9", "x" * 20, "x" * 5]
    assert shown(emulator, 2) == ["line 6", "line 7", "line 8", "line 9"]
    assert shown(emulator, 1000)[0] == "line 0"
    assert len(emulator.everything()) == 12


def test_a_line_ends_where_the_next_begins() -> None:
    assert shown(fed(b"bare\nguest\r\nLinux\x1bDdown")) == ["bare", "guest", "Linux", "     down"]


def test_colours_and_cursor_movement() -> None:
    emulator = fed(b"\x1b[31mred\x1b[0m\x1b[3;5Hhere\x1b[1;1H\x1b[1;44mR")
    line = console_line(emulator.visible()[0], 20)
    styles = [(segment.text, str(segment.style or "")) for segment in line]
    assert styles[:2] == [("R", "bold on blue"), ("ed", "red")]
    assert shown(emulator)[2] == "    here"


def test_every_colour_has_a_style() -> None:
    for code in (*range(30, 38), *range(40, 48), *range(90, 98), *range(100, 108)):
        line = console_line(fed(f"\x1b[{code}mx".encode()).visible()[0], 20)
        assert any(style.color or style.bgcolor for _, style, _ in line if style), code
    for code in (b"38;5;208", b"48;5;17", b"38;2;1;2;3", b"48;2;255;255;255"):
        assert console_line(fed(b"\x1b[%bmx" % code).visible()[0], 20)[0].style is not None
    assert console_line(fed(b"\x1b[38;2;999;1;2mx").visible()[0], 20)[0].text == "x"


def test_wide_characters() -> None:
    emulator = fed("a你好b".encode())
    assert shown(emulator)[0] == "a你好b"
    emulator.feed(b"\x1b[1;3HX")  # over the second half of the first
    assert shown(emulator)[0] == "a X好b"
    assert fed("1234567890123456789你".encode()).screen.cursor.y == 1, "it doesn't fit any more"
    assert shown(fed("e\N{COMBINING ACUTE ACCENT}".encode()))[0] == "é"
    assert shown(fed("你".encode(), columns=1)) == [""] * 4


def test_line_drawing_characters() -> None:
    assert shown(fed(b"\x1b(0lqk\x1b(Bq"))[0] == "┌─┐q"


def test_alternate_screen() -> None:
    emulator = fed(b"before\r\n\x1b[?1049h\x1b[Hwithin")
    assert shown(emulator)[0] == "within"
    emulator.feed(b"\r\n" * 10)
    assert not emulator.screen.scrollback, "what is drawn on it isn't kept"
    assert [text_of(console_line(line, 20)).rstrip() for line in emulator.everything()] == ["before"]
    assert shown(emulator)[:2] == ["before", ""]


def test_insert_mode_and_no_wrap() -> None:
    assert shown(fed(b"bc\r\x1b[4ha"))[0] == "abc"
    assert shown(fed(b"\x1b[?7l" + b"x" * 30 + b"y"))[:2] == ["x" * 19 + "y", ""]


def test_answers() -> None:
    answers: list[bytes] = []
    emulator = Emulator(80, 17, answers.append)
    emulator.feed(b"\x1b[999;999H\x1b[6n\x1b[5n\x1b[c\x1b[>c\x1b[0c")
    assert answers == [b"\x1b[17;80R", b"\x1b[0n", b"\x1b[?6c", b"\x1b[?6c"]


def test_resize_keeps_what_is_around_the_cursor() -> None:
    emulator = fed(b"one\r\ntwo", lines=10)
    emulator.resize(20, 3)
    assert shown(emulator) == ["one", "two", ""], "empty lines go first"
    emulator.feed(b"\r\nthree\r\nfour")
    emulator.resize(20, 2)
    assert shown(emulator) == ["three", "four"]
    assert len(emulator.screen.scrollback) == 2
    emulator.resize(40, 5)
    assert shown(emulator) == ["three", "four", "", "", ""]


def test_saving_cursors_takes_no_memory() -> None:
    emulator = fed(b"\x1b7" * 1000)
    assert len(emulator.screen.savepoints) == 1


def test_of_a_flood_the_end_is_shown() -> None:
    flood = b"\x1b[31m" + b"".join(b"line %d\r\n" % number for number in range(100_000)) + b"end"
    emulator = Emulator(20, 4)
    emulator.feed(flood, is_flood=True)
    assert shown(emulator)[-2:] == ["line 99999", "end"]
    assert emulator.skipped_bytes == len(flood) - emulator_module.FLOOD_KEPT_BYTES
    assert str(console_line(emulator.visible()[0], 20)[0].style) == "red"


def test_nothing_that_a_guest_sends_is_too_much() -> None:
    seed = random.randrange(1 << 30)
    print("seed", seed)
    draw = random.Random(seed)
    emulator = Emulator(80, 24)
    alphabet = [*b"\x1b\x1b\x1b[[[;;?0123456789hlmHJKrABCDLMP@X78c()]\r\n\t\b\x0e\x0f", *range(256)]
    for _ in range(400):
        emulator.feed(bytes(draw.choices(alphabet, k=60)))
        if draw.random() < 0.1:
            emulator.resize(draw.randint(1, 100), draw.randint(1, 50))
        columns, lines = emulator.screen.columns, emulator.screen.lines
        assert 0 <= emulator.screen.cursor.y < lines
        for line in emulator.visible():
            text = text_of(console_line(line, columns))
            assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text), repr(
                text
            )
    emulator.feed(b"\x18\x1bcstill here")
    assert shown(emulator)[0].startswith("still here"[: emulator.screen.columns])
