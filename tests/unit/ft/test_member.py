from __future__ import annotations

from lockstep.ft.member import EVERYTHING, Member
from lockstep.ft.outbox import IN_FLIGHT_BYTES_MAX, PIECE_BYTES_MAX, RETAINED_BYTES_MAX
from lockstep.ft.roles import Event


def member(*events: Event) -> Member:
    one = Member()
    for event in events:
        one.become(event)
    return one


def said(one: Member, channel_held: int | None) -> bytes:
    return b"".join(data for _, data in one.releases(channel_held))


def test_a_primary_says_what_its_secondary_holds_and_no_more() -> None:
    one = member(Event.START_PRIMARY)
    one.outbox.made(b"ab", 10)
    one.outbox.made(b"cd", 20)
    assert said(one, None) == b"", "its secondary is gone, and that isn't on record"
    assert said(one, 10) == b"ab"
    assert said(one, 19) == b""
    one.go_alone()
    assert said(one, None) == b"cd"


def test_a_secondary_says_nothing_even_when_its_guest_has_ended() -> None:
    one = member(Event.START_SECONDARY)
    one.outbox.made(b"ab", 10)
    assert said(one, EVERYTHING) == b""
    one.become(Event.GUEST_ENDED)
    assert said(one, EVERYTHING) == b""
    assert one.may_announce_end(2, by_itself=True)


def test_a_survivor_offers_all_that_the_sink_lacks_once_it_is_at_the_cut() -> None:
    one = member(Event.START_SECONDARY)
    one.outbox.made(b"abcdef", 10)
    one.go_live(2, sink_bytes=4)
    assert said(one, EVERYTHING) == b""
    one.outbox.made(b"g", 20)
    one.reach_cut(guest_ended=False)
    assert list(one.releases(None)) == [(4, b"efg")]
    assert one.generation == 2


def test_an_end_is_announced_once_and_after_the_output() -> None:
    one = member(Event.START_PRIMARY)
    one.outbox.made(b"ab", 10)
    one.become(Event.GUEST_ENDED)
    assert not one.may_announce_end(2, by_itself=True)
    assert one.may_announce_end(2, by_itself=False), "who was made to stop doesn't wait"
    assert said(one, 10) == b"ab"
    assert one.may_announce_end(2, by_itself=True)
    one.has_announced_end = True
    assert not one.may_announce_end(2, by_itself=True)


def test_only_what_speaks_takes_input() -> None:
    one = member(Event.START_SECONDARY)
    one.type(0, b"x", taken=0)
    assert not one.inbox
    two = member(Event.START_PRIMARY)
    two.type(0, b"x", taken=0)
    assert two.inbox


def test_only_a_live_host_waits_for_room() -> None:
    full = bytes(RETAINED_BYTES_MAX)
    primary, secondary = member(Event.START_PRIMARY), member(Event.START_SECONDARY)
    for one in (primary, secondary):
        one.outbox.made(full, 10)
    assert not primary.may_collect
    assert secondary.may_collect
    primary.outbox.written(1)
    assert primary.may_collect


def test_no_more_is_in_flight_than_allowed() -> None:
    one = member(Event.START_PRIMARY)
    one.outbox.made(bytes(RETAINED_BYTES_MAX), 10)
    pieces = list(one.releases(10))
    assert sum(len(data) for _, data in pieces) == IN_FLIGHT_BYTES_MAX
    assert max(len(data) for _, data in pieces) == PIECE_BYTES_MAX
    assert said(one, 10) == b""
    one.outbox.written(100)
    assert len(said(one, 10)) == 100


def test_a_survivor_that_lagged_far_behind_the_world_offers_what_follows() -> None:
    """It used to count what the world had long had as under way, and to wait for ever."""
    one = member(Event.START_SECONDARY)
    seen = 2 * IN_FLIGHT_BYTES_MAX
    one.go_live(2, sink_bytes=seen)
    one.outbox.made(bytes(seen), 10)
    one.outbox.made(b"next", 20)
    one.reach_cut(guest_ended=False)
    assert list(one.releases(None)) == [(seen, b"next")]
    assert one.may_collect
