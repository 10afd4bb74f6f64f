"""The view at several sizes."""

from __future__ import annotations

import random

import pytest
from rich.cells import cell_len
from view_status import PRIMARY, make_model, make_status

from lockstep.monitor.status import Happening, HostStatus
from lockstep.ui.view.frame import compose
from lockstep.ui.view.line import text_of
from lockstep.ui.view.model import Model
from lockstep.ui.view.picture import as_svg, as_text
from lockstep.ui.view.styles import ASCII

SIZES = [(80, 24), (120, 40), (200, 60), (60, 16)]
ANY_SIZE = [*SIZES, (1, 1), (2, 2), (10, 3), (40, 13), (117, 17), (119, 18), (300, 5), (20, 100)]


def check_is_whole(model: Model, columns: int, lines: int) -> None:
    """Every cell is drawn once."""
    frame = compose(model, columns, lines)
    covered = [0] * lines
    for (x, y), line in frame.pieces.items():
        width = cell_len(text_of(line))
        assert x + width <= columns, (x, y, text_of(line))
        covered[y] += width
        assert text_of(line).isprintable(), repr(text_of(line))
    assert covered == [columns] * lines
    if frame.cursor is not None:
        assert 0 <= frame.cursor[0] < columns
        assert 0 <= frame.cursor[1] < lines


@pytest.mark.parametrize(("columns", "lines"), ANY_SIZE)
@pytest.mark.parametrize("is_help_shown", [False, True])
def test_every_cell_is_drawn_once(columns: int, lines: int, is_help_shown: bool) -> None:
    model = make_model(columns, lines, b"~ # " + "漢字".encode() * 200)
    model.is_help_shown = is_help_shown
    check_is_whole(model, columns, lines)
    model.is_panel_shown = False
    check_is_whole(model, columns, lines)


@pytest.mark.parametrize(("columns", "lines"), SIZES)
def test_it_says_how_the_pair_stands(columns: int, lines: int) -> None:
    text = as_text(compose(make_model(columns, lines, b"~ # "), columns, lines))
    for wanted in ("~ # ", "Protected", "generation 2", "primary    host 2  pid 4711", "secondary  host 3"):
        assert wanted in text, text
    for wanted in ("interval 0.9 ms", "CLOCK", "305 MIPS"[-4:], "420 same", "host 3 is the new", "Ctrl-A H"):
        assert wanted in text or columns < 80, text


def test_with_room_it_says_everything() -> None:
    text = as_text(compose(make_model(120, 40), 120, 40))
    for wanted in (
        "icount 1,252,641,223",
        "behind 41.2 k",
        "1 hart, 256 MiB, shm",
        "failovers 1  last blackout 3.8 ms",
        "clones 1  last 38 ms, 8.68 MiB",
        "12.31 s  host 1 (primary) is lost",
        "log      11.7 KiB/s",
        "220/s",
    ):
        assert wanted in text, text
    assert "▁" in text


@pytest.mark.parametrize(("columns", "lines"), SIZES)
def test_what_is_wrong_is_said(columns: int, lines: int) -> None:
    changes = {
        "protection": "Not Protected (Need Secondary)",
        "reason": "no memory",
        "hosts": [PRIMARY],
        "checks_mismatched": 1,
    }
    model = make_model(columns, lines, **changes)
    model.notices.append("lockstep: something is to be known")
    text = as_text(compose(model, columns, lines))
    for wanted in ("Not Protected (Need Secondary): ", "something is to be"):
        assert wanted in text, text
    assert "no secondary" in text
    assert "1 DIFFER" in text or columns < 80


def test_a_host_in_the_making_is_seen_moving() -> None:
    starting = HostStatus(number=4, role="starting", pid=99, icount=0, behind_positions=0)
    pictures = set()
    for number in range(3):
        model = make_model(120, 40, hosts=[PRIMARY, starting], uptime_s=5 + number / 4)
        text = as_text(compose(model, 120, 40))
        assert "starting   host 4  pid 99" in text
        pictures.add(text)
    assert len(pictures) == 3


def test_before_anything_is_known() -> None:
    for columns, lines in SIZES:
        model = make_model(columns, lines)
        model.status = None
        check_is_whole(model, columns, lines)
        assert "starting" in as_text(compose(model, columns, lines))


@pytest.mark.parametrize(("columns", "lines"), SIZES)
def test_hostile_and_long_texts(columns: int, lines: int) -> None:
    nasty = "\x1b[2J\x9b31m\r\n\u202e你" * 40
    happenings = [Happening(at_s=1e9, kind=nasty, text=nasty)] * 50
    hosts = [HostStatus(number=10**9, role=nasty, pid=2**31, icount=2**63, behind_positions=2**62)] * 5
    changes = {
        "guest": nasty,
        "reason": nasty,
        "channel": nasty,
        "log_kinds": {nasty: 2**62},
        "uptime_s": 1e9,
    }
    model = make_model(
        columns, lines, happenings=happenings, hosts=hosts, mips=1e30, interval_ms=1e12, **changes
    )
    model.guest = nasty
    model.notices.append(nasty)
    check_is_whole(model, columns, lines)


def test_hostile_output_stays_in_its_pane() -> None:
    seed = random.randrange(1 << 30)
    print("seed", seed)
    draw = random.Random(seed)
    model = make_model(120, 40)
    before = [line for (x, y), line in sorted(compose(model, 120, 40).pieces.items()) if x]
    for _ in range(50):
        model.emulator.feed(bytes(draw.choices([*b"\x1b[;?", *range(256)], k=200)))
        check_is_whole(model, 120, 40)
    assert [line for (x, y), line in sorted(compose(model, 120, 40).pieces.items()) if x] == before


def test_plain_characters_only_where_there_are_no_others() -> None:
    for columns, lines in SIZES:
        model = make_model(columns, lines)
        model.glyphs = ASCII
        model.is_help_shown = True
        assert as_text(compose(model, columns, lines)).isascii()


def test_a_picture() -> None:
    svg = as_svg(compose(make_model(120, 40, b"\x1b[32mgreen"), 120, 40), "lockstep run linux")
    assert svg.startswith("<svg")
    assert "Protected" in svg
    assert "url(http" not in svg
    assert svg == as_svg(compose(make_model(120, 40, b"\x1b[32mgreen"), 120, 40), "lockstep run linux")


def test_rates_don_t_fall_below_nothing_when_another_host_counts() -> None:
    model = make_model(120, 40)
    model.take(make_status(21, log_bytes=5, log_kinds={"CLOCK": 1}))
    assert min(model.series.log_bytes_per_s) >= 0
    assert min(model.series.kinds_per_s["CLOCK"]) >= 0
