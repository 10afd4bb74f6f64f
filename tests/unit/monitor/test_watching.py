"""From a secondary's entries to a watcher's lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_pair import FakePair
from pair_runs import wait_for
from unit.monitor.test_supervisor import FakeHost

from lockstep.host import messages as m
from lockstep.log.entry import CHECK, INPUT
from lockstep.monitor import control_messages as c
from lockstep.monitor.control_client import Connection, connect_to
from lockstep.monitor.control_server import controlled
from lockstep.monitor.feed import QUEUED_MAX
from lockstep.monitor.status import Happening
from lockstep.monitor.watching import Watching
from lockstep.ui.watch_lines import ConsoleLines, json_line, lines

TYPED = m.Watched(
    entries=[(INPUT, 1000, 1010, b"ls\n"), (CHECK, 2000, 2020, b"")],
    entries_lost=0,
    console=b"README\nMakef",
    console_offset=7,
    console_lost=0,
)
FAILED_OVER = Happening(at_s=1.5, kind="failover", text="host 2 goes live")


def unsaid(line: str) -> None:
    raise AssertionError(line)


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePair]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    pair = FakePair()
    with controlled(pair, unsaid):
        yield pair


def watching(pair: FakePair, **wanted: Any) -> Connection:
    connection = connect_to(None)
    connection.ask(c.Watch(**wanted))
    return connection


def tell(pair: FakePair, news: m.Watched | Happening) -> None:
    for watcher in [] if isinstance(news, Happening) else pair.watchers:
        watcher(2, news)
    for listener in pair.listeners if isinstance(news, Happening) else []:
        listener(news)


def first(connection: Connection, count: int) -> list[c.Answer]:
    answers = connection.answers()
    return [next(answers) for _ in range(count)]


def test_a_watcher_hears_entries_console_and_happenings(pair: FakePair) -> None:
    with watching(pair) as connection:
        tell(pair, TYPED)
        tell(pair, FAILED_OVER)
        assert first(connection, 4) == [
            c.Event(host=2, icount=1000, position=1010, kind="input", payload=b"ls\n"),
            c.Event(host=2, icount=2000, position=2020, kind="check", payload=b""),
            c.ConsoleText(host=2, offset=7, data=b"README\nMakef"),
            c.Happened(happening=FAILED_OVER),
        ]


@pytest.mark.parametrize(
    ("wanted", "kinds"),
    [
        ({"kinds": ("check",)}, ["check", "console"]),
        ({"kinds": ("failover",), "console": False}, ["failover"]),
        ({"events": False}, ["console"]),
        ({"console": False}, ["input", "check", "failover"]),
    ],
)
def test_filters(wanted: dict[str, Any], kinds: list[str], pair: FakePair) -> None:
    with watching(pair, **wanted) as connection:
        for _ in range(2):
            tell(pair, TYPED)
            tell(pair, FAILED_OVER)
        named = []
        for answer in first(connection, 2 * len(kinds)):
            match answer:
                case c.Event():
                    named.append(answer.kind)
                case c.Happened():
                    named.append(answer.happening.kind)
                case _:
                    named.append("console")
        assert named == kinds * 2


def test_nobody_is_asked_for_anything_when_nobody_watches(pair: FakePair) -> None:
    assert pair.watchers == []
    with watching(pair):
        assert len(pair.watchers) == 1
        with watching(pair):
            assert len(pair.watchers) == 1
    wait_for(lambda: not pair.watchers)


def test_a_watcher_that_reads_nothing_holds_nobody_up_and_is_told_what_it_missed(pair: FakePair) -> None:
    big = m.Watched(
        entries=[(INPUT, 1, 1, b"x" * 1000)] * 100,
        entries_lost=0,
        console=b"",
        console_offset=0,
        console_lost=0,
    )
    with watching(pair) as connection:
        for _ in range(4 * QUEUED_MAX):
            tell(pair, big)
        events = missed = 0
        answers = connection.answers()
        while events + missed < 4 * QUEUED_MAX * 100:
            answer = next(answers)
            if isinstance(answer, c.Gap):
                missed += answer.events
            else:
                events += 1
        assert missed > 0
        print(f"{events} events came, {missed} were missed")


def test_hosts_hear_once_whether_anybody_watches() -> None:
    hosts = [FakeHost(1, 0.0, 0.0, is_ready=True), FakeHost(2, 0.0, 0.0)]
    watching = Watching()
    heard: list[int] = []

    def watcher(host: int, message: m.Watched) -> None:
        heard.append(host)

    watching.tick(hosts)
    watching.add(watcher)
    for _ in range(3):
        watching.tick(hosts)
    hosts[1].is_ready = True
    watching.tick(hosts)
    watching.hear(hosts[1], TYPED)
    watching.remove(watcher)
    watching.hear(hosts[1], TYPED)
    for _ in range(2):
        watching.tick(hosts[1:])
    assert heard == [2]
    assert hosts[0].heard == [m.Watch(on=True)]
    assert hosts[1].heard == [m.Watch(on=True), m.Watch(on=False)]


def test_lines_for_people_can_do_nothing_to_a_terminal() -> None:
    console = ConsoleLines()
    text = c.ConsoleText(host=2, offset=0, data=b"a\x1b[2Jb\r\n\xff\nopen")
    assert [line.split(maxsplit=1)[1] for line in lines(text, console)] == [
        "a·[2Jb",
        "\N{REPLACEMENT CHARACTER}",
    ]
    assert list(console.rest()) == ["open"]
    event = c.Event(host=2, icount=1234567, position=1, kind="input", payload=b"\x1b[2J")
    assert [line.split() for line in lines(event, console)] == [["1,234,567", "input", "'\\x1b[2J'"]]
    gap = c.Gap(events=3, console_bytes=9)
    assert [line.strip() for line in lines(gap, console)] == [
        "... gap           3 events and 9 bytes of the console left out: they came too fast"
    ]


def test_lines_for_programs() -> None:
    event = json.loads(json_line(c.Event(host=2, icount=5, position=6, kind="input", payload=b"ls")) or "")
    assert (event["type"], event["icount"], event["kind"], event["content"]) == ("event", 5, "input", "'ls'")
    console = json.loads(json_line(c.ConsoleText(host=2, offset=7, data=b"\xffx")) or "")
    assert (console["offset"], console["data_base64"]) == (7, "/3g=")
    assert json.loads(json_line(c.Happened(happening=FAILED_OVER)) or "")["kind"] == "failover"
