from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import numpy as np

from lockstep.host.live_input import MAILBOX_BYTES_MAX, Mailbox, put_on_wire, read_available

WIRE_BYTES = 8


def machine(head: int = 0, tail: int = 0) -> Any:
    return SimpleNamespace(
        board={"wire": np.zeros(WIRE_BYTES, np.uint8), "wire_head": head, "wire_tail": tail}
    )


def test_what_does_not_fit_the_wire_waits() -> None:
    mailbox, small = Mailbox(), machine()
    mailbox.put(b"0123456789")
    assert put_on_wire(mailbox, small)
    assert small.board["wire"].tobytes() == b"01234567"
    assert not put_on_wire(mailbox, small), "the wire is full"
    assert mailbox.room == MAILBOX_BYTES_MAX - 2
    small.board["wire_head"] = 3
    assert put_on_wire(mailbox, small)
    assert small.board["wire"].tobytes() == b"89234567"
    assert small.board["wire_tail"] == 10
    assert not mailbox


def test_wire_goes_round() -> None:
    mailbox, small = Mailbox(), machine(head=1_000_006, tail=1_000_006)
    mailbox.put(b"abcd")
    put_on_wire(mailbox, small)
    taken = [chr(small.board["wire"][position % WIRE_BYTES]) for position in range(1_000_006, 1_000_010)]
    assert taken == list("abcd")


def test_end_of_input_and_nothing_yet_are_different() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    assert read_available(reader, 10) == b""
    os.write(writer, b"abc")
    assert read_available(reader, 2) == b"ab"
    assert read_available(reader, 10) == b"c"
    os.close(writer)
    assert read_available(reader, 10) is None
    os.close(reader)
