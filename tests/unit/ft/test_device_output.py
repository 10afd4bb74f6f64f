from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.ft.device_output import DiskLedger, FrameLedger, OutputRoles, RingCounts
from lockstep.ft.sink import SinkGapError

NOT_BEGUN = RingCounts(first=None)


def booted() -> DiskLedger:
    roles = OutputRoles()
    roles.begin(1, 2)
    return DiskLedger(roles)


def alone() -> DiskLedger:
    ledger = booted()
    ledger.roles.let_go(2)
    return ledger


@pytest.mark.parametrize(
    ("made", "released", "followed", "limit"),
    [(9, 7, 6, 6), (9, 5, 6, 5), (4, 9, 6, 4), (9, 7, 0, 0)],
)
def test_what_is_released_and_made_by_both_may_be_applied(
    made: int, released: int, followed: int, limit: int
) -> None:
    rings = {1: RingCounts(made=made, released=released), 2: RingCounts(made=followed)}
    assert booted().limit(rings) == limit


def test_a_host_that_boots_is_waited_for_before_its_machine_exists() -> None:
    ledger = booted()
    assert ledger.limit({1: RingCounts(made=9), 2: NOT_BEGUN}) == 0
    assert ledger.limit({1: RingCounts(made=9), 2: RingCounts(made=3)}) == 3


def test_a_machine_may_run_without_anybody_who_follows() -> None:
    ledger = DiskLedger(OutputRoles())
    ledger.roles.begin(1)
    assert ledger.limit({1: RingCounts(made=9)}) == 9


def test_who_was_let_go_is_waited_for_no_more() -> None:
    assert alone().limit({1: RingCounts(made=9)}) == 9


def test_a_clone_holds_back_what_it_did_not_get_until_it_makes_that_itself() -> None:
    ledger = alone()
    ledger.roles.follow(3)
    assert ledger.limit({1: RingCounts(made=4), 3: NOT_BEGUN}) == 4, "the fork is still to come"
    forked = RingCounts(made=9, hold_for=3, hold=6)
    assert ledger.limit({1: forked, 3: NOT_BEGUN}) == 6
    assert ledger.limit({1: forked, 3: RingCounts(made=6)}) == 6
    assert ledger.limit({1: forked, 3: RingCounts(made=8)}) == 8, "the hold is over once it has begun"


def test_a_hold_for_a_clone_that_came_to_nothing_holds_nothing() -> None:
    ledger = alone()
    ledger.roles.follow(3)
    ledger.roles.let_go(3)
    forked = RingCounts(made=9, hold_for=3, hold=6)
    assert ledger.limit({1: forked}) == 9
    ledger.roles.follow(4)
    assert ledger.limit({1: forked, 4: NOT_BEGUN}) == 9


def test_a_survivor_goes_on_at_the_count_and_the_fenced_ring_counts_no_more() -> None:
    ledger = booted()
    ledger.apply(ledger.limit({1: RingCounts(made=9), 2: RingCounts(made=6)}))
    ledger.roles.fence(2, 2)
    assert ledger.limit({1: RingCounts(made=99), 2: RingCounts(made=6)}) == 6
    assert ledger.limit({2: RingCounts(made=11)}) == 11


def test_a_survivor_whose_state_is_on_its_way_gives_nothing_yet() -> None:
    ledger = alone()
    ledger.roles.follow(3)
    ledger.apply(5)
    ledger.roles.fence(2, 3)
    assert ledger.limit({3: NOT_BEGUN}) == 5
    assert ledger.limit({3: RingCounts(first=5, made=7)}) == 7


@pytest.mark.parametrize(
    ("ring", "text"),
    [
        (RingCounts(first=6, made=9), "lacks disk output 5 to 6"),
        (RingCounts(first=0, made=4), "up to 4; 5 was applied"),
    ],
)
def test_a_host_that_cannot_carry_on_from_the_file_is_an_error(ring: RingCounts, text: str) -> None:
    ledger = booted()
    ledger.apply(5)
    with pytest.raises(SinkGapError, match=text):
        ledger.limit({1: RingCounts(made=9), 2: ring})
    ledger.roles.fence(2, 2)
    with pytest.raises(SinkGapError, match=text):
        ledger.limit({2: ring})


def test_only_a_follower_takes_over_and_generations_only_grow() -> None:
    roles = OutputRoles()
    roles.begin(1, 2)
    with pytest.raises(ValueError, match="never waited for"):
        roles.fence(2, 3)
    with pytest.raises(ValueError, match="doesn't follow"):
        roles.fence(1, 2)
    roles.fence(2, 2)
    assert (roles.generation, roles.primary, roles.followers) == (2, 2, set())


def test_a_flush_is_durable_after_all_before_it() -> None:
    ledger = booted()
    ledger.apply(5)
    with pytest.raises(ValueError, match="before all ahead of it"):
        ledger.made_durable(5)
    ledger.made_durable(4)
    ledger.made_durable(2)
    assert ledger.durable == 5


def test_a_disk_that_failed_stays_so_and_its_flushes_fail_from_there_on() -> None:
    ledger = booted()
    ledger.failed(0, 7)
    ledger.failed(0, 9)
    assert [ledger.is_writable(disk) for disk in (0, 1)] == [False, True]
    assert [ledger.has_failed(0, flush) for flush in (6, 7, 8)] == [False, True, True]
    assert not ledger.has_failed(1, 8)


def test_frames_leave_once_and_a_survivor_repeats_none() -> None:
    roles = OutputRoles()
    roles.begin(1, 2)
    ledger = FrameLedger(roles)
    assert ledger.next(RingCounts(made=9, released=4)) == range(4)
    ledger.send(4)
    assert not ledger.next(RingCounts(made=9, released=4))
    roles.fence(2, 2)
    assert not ledger.next(RingCounts(made=3)), "it has yet to make what has left"
    assert ledger.next(RingCounts(made=6)) == range(4, 6)
    assert not ledger.next(NOT_BEGUN)
    assert ledger.next(RingCounts(first=5, made=6)) == range(5, 6), "lost with its host, as on any network"


@dataclasses.dataclass
class Machine:
    """A host that makes numbers, and reads the file at each."""

    made: int = 0
    first: int | None = 0
    hold_for: int = 0
    hold: int = 0

    @property
    def counts(self) -> RingCounts:
        """Its ring's."""
        return RingCounts(self.first, self.made, hold_for=self.hold_for, hold=self.hold)


@given(st.data())
def test_no_host_that_counts_ever_finds_its_future_in_the_file(data: st.DataObject) -> None:
    """Hosts make output at their own pace, die, are cloned (state takes a while) and take over, in any order."""
    ledger = booted()
    roles, machines, newest = ledger.roles, {1: Machine(), 2: Machine()}, 2
    for _ in range(data.draw(st.integers(0, 60))):
        primary = machines[roles.primary]
        follower = machines[next(iter(roles.followers))] if roles.followers else None
        # A host that has begun and still counts reads the file: nothing of that is ahead of it.
        assert all(machine.first is None or ledger.applied <= machine.made for machine in machines.values())
        step = data.draw(st.sampled_from(("make", "follow", "sink", "sink", "lose", "clone", "win")))
        count = data.draw(st.integers(1, 5))
        if step == "make" and primary.first is None:
            primary.first = data.draw(st.integers(0, ledger.applied))
        elif step == "make":
            primary.made += count
        elif step == "sink":
            rings = {number: machine.counts for number, machine in machines.items()}
            applied = ledger.applied
            ledger.apply(min(ledger.limit(rings), applied + count))
            assert applied <= ledger.applied
        elif step == "lose" and follower is not None:
            number = roles.followers.copy().pop()
            roles.let_go(number)
            del machines[number]
        elif step == "clone" and follower is None and primary.first is not None:
            newest += 1
            machines[newest] = Machine(first=None)
            roles.follow(newest)
        elif step == "follow" and follower is not None:
            number = roles.followers.copy().pop()
            if follower.first is not None:
                follower.made = min(follower.made + count, primary.made)
            elif primary.hold_for != number:
                primary.hold_for, primary.hold = number, primary.made
                follower.made = primary.made
            else:
                follower.first = data.draw(st.integers(0, ledger.applied))
        elif step == "win" and follower is not None:
            number = roles.followers.copy().pop()
            if follower.first is None and primary.hold_for != number:
                continue
            del machines[roles.primary]
            roles.fence(roles.generation + 1, number)
