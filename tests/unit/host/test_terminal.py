from __future__ import annotations

import os
import pty
import termios

import pytest

from lockstep.host.terminal import EscapeFilter, is_ours


@pytest.mark.parametrize(
    ("typed", "passed", "leaves"),
    [
        ([b"hello\r"], b"hello\r", False),
        ([b"\x03"], b"\x03", False),
        ([b"ab\x01xcd"], b"ab", True),
        ([b"\x01X"], b"", True),
        ([b"\x01", b"x"], b"", True),
        ([b"\x01\x01x"], b"\x01x", False),
        ([b"\x01b"], b"\x01b", False),
    ],
)
def test_ctrl_a_x_leaves(typed: list[bytes], passed: bytes, leaves: bool) -> None:
    escape = EscapeFilter()
    results = [escape.keys(data) for data in typed]
    assert b"".join(keys for keys, _ in results) == passed
    assert any(leave for _, leave in results) == leaves


def test_a_pipe_is_no_terminal_and_neither_is_a_closed_descriptor() -> None:
    reader, writer = os.pipe()
    assert not is_ours(reader)
    os.close(reader)
    os.close(writer)
    assert not is_ours(reader)


def test_somebody_elses_terminal_is_not_ours() -> None:
    keyboard, screen = pty.openpty()
    try:
        assert termios.tcgetattr(screen)
        assert not is_ours(screen), "a terminal that doesn't control this process must be left alone"
    finally:
        os.close(keyboard)
        os.close(screen)
