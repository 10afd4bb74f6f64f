"""What keys mean."""

from __future__ import annotations

import pytest

from lockstep.ui.live.keys import Command, Keys


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"abc\r", [b"abc\r"]),
        (b"\x1b[A\x1bOP", [b"\x1b[A\x1bOP"]),
        (b"\x01\x01", [b"\x01"]),
        (b"\x01q", [b"\x01q"]),
        (b"a\x01Xb", [b"a", Command.LEAVE, b"b"]),
        (b"\x01p\x01S\x01r", [Command.CRASH_PRIMARY, Command.CRASH_SECONDARY, Command.PROTECT]),
        (b"\x01h", [Command.HELP]),
        (b"\x01?", [Command.HELP]),
        (b"\x01\x1b[5~\x1b[5~\x1b[Bqx", [*[Command.PAGE_UP] * 2, Command.LINE_DOWN, Command.NEWEST, b"x"]),
        (b"\x01[x\x1b[5~", [Command.PAGE_UP, b"x\x1b[5~"]),
    ],
)
def test_keys(data: bytes, expected: list[object]) -> None:
    assert Keys().read(data) == expected


def test_the_escape_waits_for_its_key() -> None:
    keys = Keys()
    assert keys.read(b"\x01") == []
    assert keys.is_escaped
    assert keys.read(b"p") == [Command.CRASH_PRIMARY]
    assert not keys.is_escaped
