"""What comes out on the terminal, read by another terminal's emulation."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator

import pytest
from rich.color import ColorSystem
from view_status import make_model, make_status

from lockstep.ui.live.display import Display
from lockstep.ui.terminal.emulator import Emulator
from lockstep.ui.view.console import console_line
from lockstep.ui.view.frame import compose
from lockstep.ui.view.layout import console_size
from lockstep.ui.view.line import text_of
from lockstep.ui.view.picture import as_text


class Outer:
    """A terminal that a display draws on."""

    def __init__(self, columns: int, lines: int, colors: ColorSystem | None = ColorSystem.EIGHT_BIT) -> None:
        self.reader, writer = os.pipe()
        for descriptor in (self.reader, writer):
            os.set_blocking(descriptor, False)
        self.display = Display(writer, colors, "utf-8")
        self.emulator = Emulator(columns, lines)
        self.writer = writer

    def read(self) -> bytes:
        data = b""
        try:
            while piece := os.read(self.reader, 1 << 20):
                data += piece
                self.display.flush()
        except BlockingIOError:
            pass
        self.emulator.feed(data)
        return data

    def text(self) -> str:
        lines = [
            text_of(console_line(line, self.emulator.screen.columns)) for line in self.emulator.visible()
        ]
        return "\n".join(lines)


@pytest.fixture
def outer() -> Iterator[Outer]:
    terminal = Outer(120, 40)
    yield terminal
    os.close(terminal.reader)
    os.close(terminal.writer)


def test_the_terminal_shows_the_frames(outer: Outer) -> None:
    seed = random.randrange(1 << 30)
    print("seed", seed)
    draw = random.Random(seed)
    model = make_model(120, 40)
    outer.display.enter()
    for number in range(20, 60):
        model.emulator.feed(bytes(draw.choices(b"abc \r\n\x1b[HKJm;123" + "你é".encode(), k=300)))
        model.take(make_status(number, generation=draw.randint(1, 3)))
        model.is_help_shown = draw.random() < 0.2
        if draw.random() < 0.2:
            model.is_panel_shown = not model.is_panel_shown
            model.emulator.resize(*console_size(120, 40, is_panel_shown=model.is_panel_shown))
        frame = compose(model, 120, 40)
        outer.display.draw(frame, set())
        outer.read()
        assert outer.text() == as_text(frame)
        cursor = outer.emulator.screen.cursor
        assert cursor.hidden == (frame.cursor is None)
        assert frame.cursor is None or (cursor.x, cursor.y) == frame.cursor


def test_only_what_changed_is_drawn(outer: Outer) -> None:
    model = make_model(120, 40, b"~ # ")
    outer.display.draw(compose(model, 120, 40), set())
    assert len(outer.read()) > 4000
    outer.display.draw(compose(model, 120, 40), set())
    assert outer.read() == b"", "nothing changed"
    model.emulator.feed(b"l")
    outer.display.draw(compose(model, 120, 40), set())
    drawn = outer.read()
    assert b"~ # l" in drawn
    assert len(drawn) < 200
    assert (drawn[:8], drawn[-8:]) == (b"\x1b[?2026h", b"\x1b[?2026l"), "it appears at once"


def test_the_keyboard_s_modes_are_the_guest_s(outer: Outer) -> None:
    model = make_model(120, 40, b"\x1b[?1h\x1b[?2004h")
    outer.display.draw(compose(model, 120, 40), model.emulator.screen.keyboard_modes)
    outer.read()
    assert outer.emulator.screen.keyboard_modes == {1, 2004}
    outer.display.leave()
    outer.read()
    assert outer.emulator.screen.keyboard_modes == set()
    assert not outer.emulator.screen.is_alternate


def test_without_colours() -> None:
    terminal = Outer(120, 40, None)
    terminal.display.draw(compose(make_model(120, 40, b"\x1b[31;1mred"), 120, 40), set())
    drawn = terminal.read().decode()
    assert "\x1b[1mred\x1b[0m" in drawn
    codes = {int(code) for codes in re.findall(r"\x1b\[([0-9;]+)m", drawn) for code in codes.split(";")}
    assert codes <= {0, 1, 2, 7}, codes
    os.close(terminal.reader)
    os.close(terminal.writer)


def test_a_terminal_that_takes_nothing_is_not_waited_for(outer: Outer) -> None:
    model = make_model(120, 40)
    for number in range(100):
        model.emulator.feed(b"%d " % number * 1000)
        outer.display.draw(compose(model, 120, 40), set())
    assert not outer.display.is_idle
    outer.read()
    assert outer.display.is_idle
    outer.display.draw(compose(model, 120, 40), set())
    outer.read()
    assert outer.text() == as_text(compose(model, 120, 40)), "the last one counts"
