"""Who becomes what when hosts die: the protector with hosts that only write down what they are told."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from lockstep.errors import InternalError
from lockstep.ft.status import Protection
from lockstep.host import messages as m
from lockstep.monitor.arbiter import DirectoryArbiter, Record
from lockstep.monitor.protection import FAILURES_IN_A_ROW_MAX, RETRY_S, Protector


class FakeHost:
    """A host that answers nothing."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.last_sign_s, self.dying_at_s = 0.0, None
        self.heard: list[m.Message] = []

    def send(self, message: m.Message, descriptors: tuple[int, ...] = ()) -> None:
        self.heard.append(message)

    def kinds(self) -> list[str]:
        return [type(message).__name__ for message in self.heard]


class FakeFleet:
    """Hosts 1, 2, ...; `forgotten` have been killed."""

    def __init__(self) -> None:
        self.spawned = 0
        self.forgotten: list[int] = []

    def spawn(self, now_s: float) -> FakeHost:
        self.spawned += 1
        return FakeHost(self.spawned)

    def ring(self, generation: int, secondary: int) -> int:
        return 100

    def pipe(self) -> tuple[int, int]:
        return 101, 102

    def close_descriptor(self, descriptor: int) -> None:
        pass

    def forget(self, handle: FakeHost) -> None:
        self.forgotten.append(handle.number)


class World:
    """A pair of hosts 1 and 2 that has begun."""

    def __init__(self, directory: Path, secret: bytes | None = None) -> None:
        self.fleet: Any = FakeFleet()
        self.pair = Protector(self.fleet, DirectoryArbiter(directory), None, secret)
        self.first: Any = self.fleet.spawn(0.0)
        self.second: Any = self.fleet.spawn(0.0)
        self.pair.begin(self.first, self.second)

    def cloning(self) -> Any:
        """The new host for which the primary has forked off its state."""
        self.pair.reprotect(0.0)
        assert self.pair.reprotection is not None
        third = self.pair.reprotection.host
        self.pair.host_ready(third)
        self.pair.cloned(m.Cloned(secondary=third.number, icount=50, pause_ms=1.0))
        return third

    def record(self) -> Record:
        return self.pair.arbiter.current()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_both_start_and_are_protected(world: World) -> None:
    assert (world.first.kinds(), world.second.kinds()) == (["StartPrimary"], ["StartSecondary"])
    assert world.pair.status is Protection.PROTECTED


def test_survivor_goes_live_once_its_generation_is_won_and_the_sink_fenced(world: World) -> None:
    world.pair.sink.accept(1, 0, b"abc")
    assert world.pair.host_gone(world.first, 1.0)
    assert world.second.heard[-1] == m.GoLive(generation=2, sink_bytes=3)
    assert world.record() == Record(2, 2, 2, None)
    assert world.pair.sink.accept(1, 3, b"late") == b""
    assert world.fleet.forgotten == [1]


def test_a_lost_secondary_is_on_record_before_the_primary_may_go_alone(world: World) -> None:
    heard_at: list[int | None] = []
    send = world.first.send
    world.first.send = lambda *message: (heard_at.append(world.record().secondary), send(*message))
    assert world.pair.host_gone(world.second, 1.0)
    assert world.first.kinds()[-1] == "GoAlone"
    assert heard_at == [None]
    assert not world.pair.host_gone(world.first, 2.0), "the one that was lost must not win"
    assert world.second.kinds() == ["StartSecondary"]


def test_new_secondary_may_win_from_when_it_has_caught_up(world: World) -> None:
    world.pair.host_gone(world.second, 1.0)
    third = world.cloning()
    assert world.pair.status is Protection.NEED_SECONDARY
    world.pair.caught_up(third, 2.0)
    assert (world.pair.status, world.record().secondary) == (Protection.PROTECTED, 3)
    assert world.pair.host_gone(world.first, 2.0)
    assert third.kinds()[-1] == "GoLive"
    assert len(world.pair.clones) == 1


def test_primary_that_dies_while_its_clone_is_on_its_way_is_survived(world: World) -> None:
    """Since the fork nothing left the primary that the copy, or the new host's log, doesn't hold."""
    world.pair.host_gone(world.second, 1.0)
    third = world.cloning()
    assert world.pair.host_gone(world.first, 2.0)
    assert third.kinds() == ["StartSecondary", "GoLive"]
    assert world.record() == Record(4, 2, 3, None)
    assert not world.pair.host_gone(third, 3.0)


def test_primary_that_dies_before_it_forked_is_not(world: World) -> None:
    world.pair.host_gone(world.second, 1.0)
    world.pair.reprotect(0.0)
    assert not world.pair.host_gone(world.first, 2.0)
    assert world.fleet.forgotten == [2, 3, 1]
    assert world.pair.status is Protection.NOT_RUNNING


def test_a_clone_that_dies_is_replaced(world: World) -> None:
    world.pair.host_gone(world.second, 1.0)
    third = world.cloning()
    assert world.pair.host_gone(third, 2.0)
    assert world.first.kinds()[-1] == "GoAlone"
    fourth = world.cloning()
    assert fourth.number == 4
    world.pair.caught_up(third, 2.0)
    assert world.record().secondary is None, "the dead one can't be recorded"
    world.pair.caught_up(fourth, 2.0)
    assert world.record().secondary == 4


def test_no_memory_for_a_ring_leaves_the_guest_as_it_is(world: World) -> None:
    def no_ring(generation: int, secondary: int) -> int:
        raise InternalError("no shared memory")

    world.pair.host_gone(world.second, 1.0)
    ring, world.fleet.ring = world.fleet.ring, no_ring
    world.pair.reprotect(5.0)
    assert world.pair.reprotection is not None
    world.pair.host_ready(world.pair.reprotection.host)
    assert world.pair.reprotection is None
    assert world.pair.trouble == "no shared memory"
    assert world.first.kinds() == ["StartPrimary", "GoAlone", "GoAlone"]
    world.pair.reprotect(5.0 + RETRY_S / 2)
    assert world.pair.reprotection is None, "it isn't tried again at once"
    world.fleet.ring = ring
    world.pair.reprotect(5.0 + RETRY_S)
    assert world.pair.reprotection is not None
    fourth = world.pair.reprotection.host
    world.pair.host_ready(fourth)
    world.pair.caught_up(fourth, 7.0)
    assert (world.pair.status, world.pair.trouble) == (Protection.PROTECTED, "")


def test_a_record_that_can_not_be_made_leaves_the_guest_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    world.pair.host_gone(world.second, 1.0)
    third = world.cloning()
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        world.pair.caught_up(third, 2.0)
    assert "No space left" in world.pair.trouble
    assert (world.pair.status, world.record().secondary) == (Protection.NEED_SECONDARY, None)
    assert world.first.kinds()[-1] == "GoAlone"
    assert third.number in world.fleet.forgotten


def test_clones_that_die_one_after_the_other_are_made_less_often(world: World) -> None:
    world.pair.host_gone(world.second, 1.0)
    made = 0
    for tick in range(1000):
        world.pair.reprotect(tick / 1000)
        if world.pair.reprotection is not None:
            world.pair.host_gone(world.pair.reprotection.host, tick / 1000)
            made += 1
    assert FAILURES_IN_A_ROW_MAX < made < FAILURES_IN_A_ROW_MAX + 4


def test_secondary_that_dies_before_it_listens_leaves_a_primary_that_starts_alone(tmp_path: Path) -> None:
    world = World(tmp_path, secret=b"s" * 32)
    assert world.first.heard == []
    world.pair.host_gone(world.second, 1.0)
    (start,) = world.first.heard
    assert isinstance(start, m.StartPrimary)
    assert start.route is None
    third = world.cloning()
    world.pair.listening(third, 1234)
    assert isinstance(world.first.heard[-1], m.Clone)


def test_survivor_of_a_primary_that_never_started_counts_as_started(tmp_path: Path) -> None:
    world = World(tmp_path, secret=b"s" * 32)
    world.pair.host_gone(world.first, 1.0)
    assert world.pair.has_booted, "input may be passed on to it"
    world.pair.went_live(m.Live(generation=2, icount=0, at_s=2.0, input_count=0))
    third = world.cloning()
    world.pair.host_gone(third, 2.0)
    assert world.second.kinds()[-1] == "GoAlone", "it isn't to be started again"


def test_input_is_offered_again_from_where_the_survivor_stands(world: World) -> None:
    world.pair.source.arrive(b"abcdef")
    world.pair.source.offer(100)
    world.pair.source.confirm(2)
    world.pair.host_gone(world.first, 1.0)
    world.pair.went_live(m.Live(generation=2, icount=9, at_s=2.0, input_count=4))
    assert world.pair.source.offer(100) == (4, b"ef")
    assert world.pair.failovers[0]["generation"] == 2
