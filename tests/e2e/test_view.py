"""The live view of `lockstep run`, on real terminals."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from terminal_run import TerminalRun, stop, wait_until_state

ECHO = ("run", "echo", "--timeout", 100)
BANNER = "echo: type lines, quit ends"


def test_a_pair_is_looked_at_and_acted_on() -> None:
    with TerminalRun(*ECHO) as run:
        run.wait_for(BANNER, "Protected", "generation 1", "primary    host 1", "secondary  host 2", "icount")
        assert run.emulator.screen.is_alternate
        run.type(b"abc\r")
        run.wait_for("cba")
        run.type(b"\x01p")
        run.wait_for("generation 2", "primary    host 2", "secondary  host 3", "failovers 1", "clones 1")
        run.type(b"\x01s")
        run.wait_for("secondary  host 4", "clones 2")
        run.type(b"def\r")
        run.wait_for("fed")
        run.type(b"\x01h")
        run.wait_for("crash the secondary (SIGKILL)")
        run.type(b" ")
        run.wait_for("fed", until=lambda: "SIGKILL)" not in run.text)
        run.resize(80, 24)
        run.wait_for(
            "primary    host 2", "speed", until=lambda: run.text.splitlines()[-6].startswith(" echo")
        )
        run.type(b"\x01v")
        run.wait_for("fed", until=lambda: "primary" not in run.text)
        run.type(b"quit\r")
        assert run.end() == 0
        run.check_given_back()
        assert "cba\nfed\nlockstep: poweroff after " in run.text
        assert "1 failover (" in run.text


def test_leaving() -> None:
    with TerminalRun(*ECHO, columns=200, lines=60) as run:
        run.wait_for(BANNER, "Protected")
        run.type(b"abc\r\x01x")
        assert run.end() == 130
        run.check_given_back()
        assert "lockstep: interrupted" in run.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("to_all", [False, True])
def test_a_signal_ends_it_in_order(number: int, to_all: bool) -> None:
    with TerminalRun(*ECHO, columns=80, lines=24) as run:
        run.wait_for(BANNER, "Protected", until=lambda: run.emulator.screen.is_alternate)
        (os.killpg if to_all else os.kill)(run.process.pid, number)
        assert run.end() == 130
        run.check_given_back()
        assert BANNER in run.text


def test_the_command_is_killed() -> None:
    with TerminalRun(*ECHO) as run:
        run.wait_for(BANNER, "Protected")
        run.process.kill()
        while "the guest with it" not in run.text:
            run.read(10)
        run.check_given_back()


def test_the_view_is_killed_and_the_guest_runs_on() -> None:
    with TerminalRun(*ECHO) as run:
        run.wait_for(BANNER, "Protected")
        run.type(b"abc\r")
        run.wait_for("cba")
        for view in run.children("lockstep.ui.live"):
            os.kill(view, signal.SIGKILL)
        run.wait_for("the live view died; the guest runs on")
        run.check_given_back()
        run.type(b"\x03")
        assert run.end() == 130


def test_no_host_is_left() -> None:
    crashes = ("--crash", "secondary@1s", "--crash", "primary@1s", "--crash-unprotected")
    with TerminalRun(*ECHO, *crashes) as run:
        assert run.end() == 121
        run.check_given_back()
        assert BANNER in run.text
        assert "no-host after" in run.text
        assert "no host is left" in run.text


def test_suspended_and_continued() -> None:
    with TerminalRun(*ECHO) as run:
        run.wait_for(BANNER, "Protected")
        stop(run.process.pid)
        run.drain()
        run.check_given_back()
        os.kill(run.process.pid, signal.SIGCONT)
        wait_until_state(run.process.pid, "running")
        run.wait_for(BANNER, "Protected", until=lambda: run.emulator.screen.is_alternate)
        run.type(b"abc\r")
        run.wait_for("cba")
        run.type(b"quit\r")
        assert run.end() == 0
        run.check_given_back()


@pytest.mark.parametrize("why", ["dumb", "plain", "small", "solo"])
def test_where_there_is_none_the_console_is_bare(why: str) -> None:
    arguments = {"plain": ["--plain"], "solo": ["--solo"]}.get(why, [])
    size = {"columns": 50, "lines": 10} if why == "small" else {}
    variables = {"TERM": "dumb"} if why == "dumb" else {}
    with TerminalRun(*ECHO, *arguments, **size, **variables) as run:
        run.wait_for(BANNER)
        run.type(b"abc\rquit\r")
        assert run.end() == 0
        assert run.output == f"{BANNER}\r\ncba\r\n".encode()


def test_no_colours_where_none_are_wanted() -> None:
    with TerminalRun(*ECHO, NO_COLOR="1") as run:
        run.wait_for(BANNER, "Protected", "log entries")
        run.type(b"quit\r")
        assert run.end() == 0
    codes = {code for codes in re.findall(rb"\x1b\[([0-9;]+)m", run.output) for code in codes.split(b";")}
    assert codes <= {b"0", b"1", b"2", b"7"}, codes


def test_input_from_a_file_goes_with_a_view(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"early bytes\nabc\nquit\n")  # a UART that opens drops some
    with TerminalRun(*ECHO, "--input", tmp_path / "in") as run:
        assert run.end() == 0
        assert "cba\nlockstep: poweroff after " in run.text
        run.check_given_back()
