"""What follows from what hosts say and don't say: the monitor's decisions with hosts that only listen."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from lockstep.errors import InternalError
from lockstep.host import messages as m
from lockstep.monitor.arbiter import DirectoryArbiter
from lockstep.monitor.divergences import Divergences
from lockstep.monitor.parties import Host
from lockstep.monitor.protection import Protector
from lockstep.monitor.supervisor import HEARTBEAT_LIMIT_S, HOSTS_DEAD_AT_START_MAX, Supervisor

BEAT = m.Beat(icount=1, position=1, behind_positions=0)
DIVERGED = m.Diverged(
    icount=7, pc=0x8000_0000, what="device uart", expected="a", actual="b", disassembly=[], checks=3
)

ENDED = m.Ended(
    stop="FINISHED",
    exited=False,
    exit_code=0,
    icount=9,
    digest="d",
    console_bytes=0,
    at_s=0.1,
    log={},
    log_bytes=0,
)


@dataclasses.dataclass(eq=False)
class FakeHost(Host):
    heard: list[m.Message] = dataclasses.field(default_factory=list)

    def send(self, message: m.Message, descriptors: tuple[int, ...] = ()) -> None:
        self.heard.append(message)

    def kinds(self) -> list[str]:
        return [type(message).__name__ for message in self.heard]


class FakeFleet:
    def __init__(self) -> None:
        self.hosts: dict[int, Host] = {}
        self.spawned = 0

    def spawn(self, now_s: float) -> Host:
        self.spawned += 1
        self.hosts[self.spawned] = FakeHost(self.spawned, now_s, now_s)
        return self.hosts[self.spawned]

    def forget(self, host: Host) -> None:
        self.hosts.pop(host.number, None)

    def ring(self, generation: int, secondary: int) -> int:
        return 100

    def pipe(self) -> tuple[int, int]:
        return 101, 102

    def close_descriptor(self, descriptor: int) -> None:
        pass


class FakeConsole:
    def __init__(self) -> None:
        self.data = b""

    @property
    def written(self) -> int:
        return len(self.data)

    def put(self, data: bytes) -> None:
        self.data += data


class World:
    def __init__(self, directory: Path, secret: bytes | None = None) -> None:
        self.fleet, self.console = FakeFleet(), FakeConsole()
        protector = Protector(self.fleet, DirectoryArbiter(directory), None, secret)
        self.monitor = Supervisor(self.fleet, protector, self.console)
        self.monitor.start(0.0)

    def host(self, number: int) -> Any:
        return self.fleet.hosts[number]

    def begin(self) -> World:
        for number in (1, 2):
            self.monitor.hear(self.host(number), m.Ready(), 0.0)
            self.monitor.hear(self.host(number), BEAT, 0.0)
        return self

    def silent(self, now_s: float) -> list[int]:
        """Who is silent at `now_s`, of a monitor that looked all the time."""
        self.monitor.silent(now_s - 0.01)
        return [host.number for host in self.monitor.silent(now_s)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path).begin()


def test_hosts_that_die_before_they_have_roles_are_replaced_but_not_for_ever(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in range(1, HOSTS_DEAD_AT_START_MAX + 1):
        world.monitor.gone(world.host(number), 0.0)
    with pytest.raises(InternalError, match="before the guest has started"):
        world.monitor.gone(world.host(HOSTS_DEAD_AT_START_MAX + 1), 0.0)


def test_a_silent_primary_is_replaced_and_what_it_says_late_is_not_written(world: World) -> None:
    old = world.host(1)
    world.monitor.hear(old, m.Output(generation=1, offset=0, data=b"ab"), 0.1)
    world.monitor.hear(world.host(2), BEAT, 0.2)
    assert world.silent(0.1 + HEARTBEAT_LIMIT_S + 0.01) == [1]
    world.monitor.give_up(old, 0.37)
    assert world.host(2).heard[-1] == m.GoLive(generation=2, sink_bytes=2)
    world.monitor.hear(old, m.Output(generation=1, offset=2, data=b"late"), 0.4)
    world.monitor.hear(old, BEAT, 0.4)
    assert world.console.data == b"ab"


def test_who_was_heard_after_all_is_not_given_up(world: World) -> None:
    world.monitor.hear(world.host(1), BEAT, 0.3)
    world.monitor.give_up(world.host(1), 0.4)
    assert 1 in world.fleet.hosts


def test_a_monitor_that_was_held_up_blames_nobody(world: World) -> None:
    world.monitor.silent(0.05)
    assert world.monitor.silent(9.0) == []
    assert [host.number for host in world.monitor.silent(9.01)] == [1, 2]


def test_the_last_host_may_be_silent(world: World) -> None:
    world.monitor.gone(world.host(2), 0.0)
    assert world.silent(9.0) == []


def test_over_tcp_input_waits_until_the_primary_has_a_machine(tmp_path: Path) -> None:
    """It used to be sent to a host that had none, which dropped it; what came later was taken for its sequel."""
    world = World(tmp_path, secret=b"s" * 32).begin()
    world.monitor.protector.source.arrive(b"abc")
    world.monitor.tick(0.0)
    assert world.host(1).kinds() == []
    world.monitor.hear(world.host(2), m.Listening(port=1234), 0.1)
    world.monitor.tick(0.1)
    assert world.host(1).kinds() == ["StartPrimary", "Input"]


def test_a_divergence_ends_the_run(world: World) -> None:
    world.monitor.hear(world.host(2), DIVERGED, 0.1)
    assert world.monitor.is_over(0.1)
    assert world.monitor.ending.reason == "divergence"
    assert world.monitor.divergences.first is not None


def test_a_secondary_that_diverged_is_replaced_if_so_wished(world: World) -> None:
    said: list[str] = []
    world.monitor.divergences = Divergences("reclone", said.append)
    world.monitor.hear(world.host(2), DIVERGED, 0.1)
    assert not world.monitor.is_over(0.1)
    assert list(world.fleet.hosts) == [1]
    world.monitor.tick(0.1)
    assert list(world.fleet.hosts) == [1, 3]
    assert "icount 7, pc 0x80000000: device uart; that secondary is discarded" in said[0]
    assert (world.monitor.divergences.compared, world.monitor.divergences.mismatched) == (3, 1)


def test_a_survivor_that_diverged_ends_the_run_in_any_case(world: World) -> None:
    """It has won already: nobody else has the guest."""
    world.monitor.divergences = Divergences("reclone")
    survivor = world.host(2)
    world.monitor.gone(world.host(1), 0.1)
    world.monitor.hear(survivor, DIVERGED, 0.2)
    assert world.monitor.is_over(0.2)
    assert world.monitor.ending.reason == "divergence"


def test_a_clone_in_the_making_that_diverged_is_made_anew(world: World) -> None:
    world.monitor.divergences = Divergences("reclone")
    world.monitor.gone(world.host(2), 0.1)
    world.monitor.tick(0.1)
    world.monitor.hear(world.host(3), DIVERGED, 0.2)
    world.monitor.tick(0.2)
    assert list(world.fleet.hosts) == [1, 4]


def test_a_soft_error_that_happened_is_not_given_to_the_next_secondary(world: World) -> None:
    protector = world.monitor.protector
    protector.soft_errors = ["x7@100:1", "x7@200:1"]
    world.monitor.hear(world.host(2), m.Injected(soft_error="x7@100:1"), 0.1)
    world.monitor.hear(world.host(2), m.Injected(soft_error="x7@100:1"), 0.1)
    assert protector.soft_errors == ["x7@200:1"]
    protector.discard_secondary()
    world.monitor.tick(0.2)
    world.monitor.hear(world.host(3), m.Ready(), 0.3)
    (start,) = [message for message in world.host(3).heard if isinstance(message, m.StartSecondary)]
    assert start.soft_errors == ("x7@200:1",)


def test_a_secondary_that_is_not_trusted_any_more_is_replaced(world: World) -> None:
    world.monitor.protector.discard_secondary()
    assert world.monitor.protector.arbiter.current().secondary is None
    assert list(world.fleet.hosts) == [1]
    world.monitor.tick(0.1)
    assert list(world.fleet.hosts) == [1, 3]


def test_without_hosts_the_run_is_over(world: World) -> None:
    world.monitor.gone(world.host(1), 0.0)
    world.monitor.gone(world.host(2), 0.0)
    assert world.monitor.is_over(0.0)
    assert world.monitor.ending.reason == "no-host"


def test_hosts_that_all_die_once_the_guest_has_ended_do_not_keep_the_run_from_ending(world: World) -> None:
    """It used to wait for ever for the second one to go live."""
    world.monitor.hear(world.host(1), ENDED, 0.1)
    world.monitor.gone(world.host(1), 0.2)
    assert not world.monitor.is_over(0.2), "the second one may still go live"
    world.monitor.gone(world.host(2), 0.3)
    assert world.monitor.is_over(0.3)
    assert world.monitor.ending.reason is None
