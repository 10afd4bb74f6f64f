"""What is noted of a pair's life: kinds, times, and what others are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unit.monitor.test_supervisor import DIVERGED, World

from lockstep.host import messages as m
from lockstep.host.options import Crash, Remote, RunOptions
from lockstep.monitor.divergences import Divergences
from lockstep.monitor.executioner import Executioner, obey
from lockstep.monitor.journal import KEPT, Journal
from lockstep.monitor.status import Happening


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path).begin()


def kinds(world: World) -> list[str]:
    return [happening.kind for happening in world.monitor.journal.last]


def last(world: World, kind: str) -> Happening:
    return next(happening for happening in reversed(world.monitor.journal.last) if happening.kind == kind)


def start(world: World, at_s: float = 10.0) -> None:
    world.monitor.hear(world.host(1), m.Started(at_s=at_s), at_s)


def test_times_count_from_the_guest_s_start_and_listeners_hear_all(world: World) -> None:
    heard: list[Happening] = []
    world.monitor.journal.listen(heard.append)
    start(world)
    world.monitor.gone(world.host(2), 12.5)
    assert [(one.kind, one.at_s) for one in heard] == [
        ("running", 0.0),
        ("host-lost", 2.5),
        ("not-protected", 2.5),
    ]


def test_only_the_last_ones_are_kept() -> None:
    journal = Journal()
    for number in range(KEPT + 5):
        journal.note("x", "it happens", number=number)
    assert [one.data["number"] for one in journal.last] == list(range(5, KEPT + 5))


def test_protection_is_noted_when_it_changes() -> None:
    journal = Journal()
    for is_protected in (True, True, False, True):
        journal.note_protection("on" if is_protected else "off", is_protected=is_protected)
    assert [one.kind for one in journal.last] == ["protected", "not-protected", "protected"]


def test_the_life_of_a_pair(world: World) -> None:
    start(world)
    world.monitor.gone(world.host(1), 11.0)
    world.monitor.hear(world.host(2), m.Live(generation=2, icount=50, at_s=11.01, input_count=0), 11.01)
    world.monitor.tick(11.02)
    world.monitor.hear(world.host(3), m.Ready(), 11.03)
    world.monitor.hear(world.host(2), m.Cloned(secondary=3, icount=60, pause_ms=1.0), 11.04)
    world.monitor.hear(world.host(3), m.CaughtUp(), 11.1)
    assert kinds(world) == [
        *("host-started", "host-started", "protected", "running"),
        *("host-lost", "not-protected", "failover", "host-started", "clone", "protected"),
    ]
    lost, failover, clone = (last(world, kind) for kind in ("host-lost", "failover", "clone"))
    assert (lost.data["role"], lost.data["how"]) == ("primary", "it died")
    assert failover.data == {"host": 2, **world.monitor.protector.failovers[0]}
    assert clone.data == {"host": 3, **world.monitor.protector.clones[0]}


def test_how_a_host_was_lost_is_said(world: World) -> None:
    start(world)
    world.monitor.hear(world.host(2), m.Beat(icount=1, position=1, behind_positions=0), 11.0)
    world.monitor.give_up(world.host(1), 11.0)
    assert last(world, "host-lost").data["how"] == "silent for 1000 ms"


def test_a_divergence_is_noted_with_what_differs_and_what_becomes_of_the_host(world: World) -> None:
    world.monitor.divergences = Divergences("reclone")
    world.monitor.hear(world.host(2), DIVERGED, 0.1)
    assert last(world, "divergence").data["what"] == "device uart"
    assert "discarded" in last(world, "host-lost").data["how"]


def test_an_injected_soft_error_is_noted(world: World) -> None:
    world.monitor.protector.soft_errors = ["x7@100:1"]
    world.monitor.hear(world.host(2), m.Injected(soft_error="x7@100:1"), 0.1)
    assert last(world, "injected").data == {"host": 2, "soft_error": "x7@100:1"}


def test_trouble_is_noted_once(world: World) -> None:
    world.monitor.gone(world.host(2), 0.1)
    for number in (3, 4):
        world.monitor.protector.reprotect_now()
        world.monitor.tick(0.2)
        world.host(number).kill = lambda: None
        world.monitor.hear(world.host(number), m.Failed(text="no memory", exit_code=125), 0.3)
        world.monitor.gone(world.host(number), 0.4)
    assert kinds(world).count("no-secondary") == 1
    assert kinds(world).count("host-failed") == 2


def ordered(world: World, order: Callable[[Remote], None]) -> Executioner:
    remote, executioner = Remote(), Executioner(RunOptions())
    order(remote)
    obey(remote, executioner, world.monitor, 11.0)
    return executioner


@pytest.mark.parametrize(("who", "number"), [("primary", 1), ("secondary", 2)])
def test_who_had_a_host_killed_is_noted(world: World, who: str, number: int) -> None:
    start(world)
    victim = world.host(number)
    victim.kill = lambda: victim.heard.append("killed")
    ordered(world, lambda remote: remote.crash(who, by="lockstep crash (pid 7)"))
    assert victim.heard[-1] == "killed"
    assert victim.dying_at_s == 11.0
    data = last(world, "crash").data
    assert (data["host"], data["role"], data["by"]) == (number, who, "lockstep crash (pid 7)")


def test_orders_wait_for_the_guest_s_start(world: World) -> None:
    remote = Remote()
    remote.stop()
    obey(remote, Executioner(RunOptions()), world.monitor, 9.0)
    assert world.monitor.ending.reason is None
    start(world)
    obey(remote, Executioner(RunOptions()), world.monitor, 11.0)
    assert world.monitor.ending.reason == "interrupted"
    assert last(world, "stop").data == {"by": ""}


def test_a_scheduled_crash_says_so(world: World) -> None:
    start(world)
    victim = world.host(1)
    victim.kill = lambda: None
    Executioner(RunOptions(crashes=(Crash("primary", after_s=0.5),))).act(world.monitor, 11.0)
    assert last(world, "crash").data["by"] == "as scheduled"


def test_to_protect_now_is_not_to_wait_for_the_next_attempt(world: World) -> None:
    start(world)
    protector: Any = world.monitor.protector
    world.monitor.gone(world.host(2), 10.0)
    protector._retry_at_s = 1e9
    world.monitor.tick(10.5)
    assert protector.reprotection is None
    ordered(world, lambda remote: remote.protect())
    world.monitor.tick(11.0)
    assert protector.reprotection is not None
