from __future__ import annotations

import os

from lockstep.host.live_input import MAILBOX_BYTES_MAX, Mailbox, read_available


def test_what_was_put_is_taken_once_and_in_order() -> None:
    mailbox = Mailbox()
    mailbox.put(b"01234")
    mailbox.put(b"56789")
    assert mailbox.take(8) == b"01234567"
    assert mailbox.room == MAILBOX_BYTES_MAX - 2
    assert mailbox.take(8) == b"89"
    assert not mailbox


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
