from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.ft.source import SourceGapError, SourceLedger


def test_input_is_kept_until_it_is_confirmed() -> None:
    source = SourceLedger()
    source.arrive(b"abcdef")
    assert source.offer(4) == (0, b"abcd")
    assert source.offer(4) == (4, b"")
    source.confirm(3)
    assert (source.kept_bytes, source.arrived) == (3, 6)
    assert source.offer(4) == (4, b"ef")
    assert source.offer(4) == (6, b"")


def test_a_survivor_is_offered_what_it_lacks() -> None:
    source = SourceLedger()
    source.arrive(b"abcdef")
    source.offer(100)
    source.confirm(2)
    source.rewind(4)
    assert source.offer(100) == (4, b"ef")
    assert source.confirmed == 4


def test_a_confirmation_that_comes_late_changes_nothing() -> None:
    source = SourceLedger()
    source.arrive(b"abc")
    source.confirm(2)
    source.confirm(1)
    assert (source.confirmed, source.kept_bytes) == (2, 1)


def test_a_survivor_that_lacks_confirmed_input_is_an_error_and_not_a_silence() -> None:
    source = SourceLedger()
    source.arrive(b"abc")
    source.confirm(2)
    with pytest.raises(SourceGapError, match="bytes 1 to 2 "):
        source.rewind(1)


class Guest:
    """A primary: `log` is what its secondary will have, `waiting` dies with it."""

    def __init__(self, log: bytes) -> None:
        self.log = log
        self.waiting = b""

    def type(self, offset: int, data: bytes) -> None:
        known = len(self.log) + len(self.waiting)
        self.waiting += data[max(known - offset, 0) :]

    def take(self, count: int) -> None:
        self.log += self.waiting[:count]
        self.waiting = self.waiting[count:]


@given(st.data())
def test_every_byte_once_and_in_order_across_failovers(data: st.DataObject) -> None:
    source, guest, typed = SourceLedger(), Guest(b""), b""
    for number in range(data.draw(st.integers(0, 60))):
        step = data.draw(st.sampled_from(["arrive", "offer", "again", "take", "confirm", "die"]))
        if step == "arrive":
            new = bytes([number]) * data.draw(st.integers(1, 5))
            typed += new
            source.arrive(new)
        elif step == "offer":
            guest.type(*source.offer(data.draw(st.integers(0, 8))))
        elif step == "again":  # a message that comes twice
            offer = source.offer(4)
            guest.type(*offer)
            guest.type(*offer)
        elif step == "take":
            guest.take(data.draw(st.integers(0, 6)))
        elif step == "confirm":
            source.confirm(len(guest.log))
        else:
            guest = Guest(guest.log)
            source.rewind(len(guest.log))
        assert typed.startswith(guest.log)
    while guest.log != typed:
        guest.type(*source.offer(8))
        guest.take(100)
        source.confirm(len(guest.log))
    source.confirm(len(guest.log))
    assert source.kept_bytes == 0
