from __future__ import annotations

import pytest

from lockstep.ft.inbox import Inbox
from lockstep.ft.source import SourceGapError


def test_what_is_offered_twice_is_taken_once() -> None:
    inbox = Inbox()
    inbox.arrive(3, b"def", taken=3)
    inbox.arrive(4, b"efgh", taken=3)
    inbox.arrive(0, b"abc", taken=3)
    assert (inbox.next(2), inbox.next(0), inbox.next(-1)) == (b"de", b"", b"")
    inbox.logged(2, taken=5, position=7)
    assert inbox.next(100) == b"fgh"
    inbox.logged(3, taken=8, position=7)
    assert not inbox


def test_input_may_come_while_the_log_has_no_room_for_what_came_before() -> None:
    inbox = Inbox()
    inbox.arrive(0, b"abc", taken=0)
    assert inbox.next(2) == b"ab"
    inbox.arrive(3, b"de", taken=0)
    inbox.logged(2, taken=2, position=7)
    assert inbox.next(100) == b"cde"


def test_a_gap_is_never_passed_over() -> None:
    inbox = Inbox()
    inbox.arrive(0, b"ab", taken=0)
    with pytest.raises(SourceGapError, match="bytes 2 to 3"):
        inbox.arrive(3, b"d", taken=0)


def test_input_is_confirmed_once_its_entry_is_held_and_said_once() -> None:
    inbox = Inbox()
    inbox.logged(0, taken=5, position=70)
    assert inbox.confirm(70) is None, "an entry stamped 70 isn't covered by the horizon 70"
    assert inbox.confirm(71) == 5
    assert inbox.confirm(72) is None
