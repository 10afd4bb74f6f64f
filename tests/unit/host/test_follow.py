"""A secondary that isn't where its log says, or doesn't do what its log says."""

from __future__ import annotations

import dataclasses

import pytest
from pair_in_process import FollowingHost, LedGuest
from small_guests import finisher_guest, waiting_guest

from lockstep.errors import InternalError
from lockstep.ft.roles import Role
from lockstep.host.follow import Follow
from lockstep.host.messages import Injected
from lockstep.log.entry import CHECK, CLOCK, END
from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine

COUNT_UP = b"".join(word.to_bytes(4, "little") for word in (0x00150513, 0xFFDFF06F))
"""addi a0, a0, 1; j -4"""
POSITIONS = 2000


@pytest.fixture
def counting() -> LedGuest:
    """A guest that never ends, led for a while, with a check at every block."""
    config = MachineConfig(guest=COUNT_UP, guest_name="count", memory_bytes=1 << 20, clock="virtual")
    return LedGuest(config, positions_max=POSITIONS)


@pytest.fixture
def ending(tmp_path_factory: pytest.TempPathFactory) -> LedGuest:
    """A guest that powers off after four instructions."""
    path = finisher_guest(tmp_path_factory.mktemp("guest") / "off", 0x5555)
    config = MachineConfig(guest=path, guest_name="off", memory_bytes=1 << 20, clock="virtual")
    return LedGuest(config)


def found(led: LedGuest, *soft_errors: str) -> str:
    return str(FollowingHost(led, soft_errors).found)


def test_the_same_machine(counting: LedGuest, ending: LedGuest) -> None:
    assert {entry.kind for entry in counting.entries} == {CHECK}
    assert (found(counting), found(ending)) == ("None", "None")


def test_an_entry_from_another_place(counting: LedGuest) -> None:
    last = counting.entries[-1]
    for changes, what in ({"pc": 0x10}, "pc"), ({"position": last.position + 1}, "position"):
        counting.entries[-1] = dataclasses.replace(last, **changes)
        counting.horizon = last.position + 2
        assert f"differ in the {what} of the next check entry" in found(counting)


def test_a_digest_that_differs(counting: LedGuest) -> None:
    last = counting.entries[-1]
    payload = bytearray(last.payload)
    payload[-1] ^= 1
    counting.entries[-1] = dataclasses.replace(last, payload=bytes(payload))
    assert "differ in schedule: expected" in found(counting)


def test_the_guest_ends_where_the_primary_runs_on(ending: LedGuest) -> None:
    end = ending.entries.pop()
    assert end.kind == END
    ending.horizon = end.position + 2
    assert "differ in the guest's end: expected the guest runs on" in found(ending)
    ending.entries.append(dataclasses.replace(end, kind=CLOCK, payload=bytes(8)))
    assert "differ in the guest's end: expected the guest runs on" in found(ending)


def test_the_guest_runs_on_where_the_primary_ended(counting: LedGuest) -> None:
    last = counting.entries[-1]
    counting.entries.append(dataclasses.replace(last, kind=END, payload=b""))
    counting.horizon = last.position
    assert f"differ in the position of the next end entry: expected {last.position}" in found(counting)


def test_waits_where_the_primary_runs(counting: LedGuest, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = waiting_guest(tmp_path_factory.mktemp("guest") / "waiting")
    counting.config = MachineConfig(guest=path, guest_name="waits", memory_bytes=1 << 20, clock="host")
    counting.entries.clear()
    assert "differ in waiting: expected a hart runs, found every hart waits" in found(counting)


def test_waits_where_the_primary_was_told_to_stop(
    counting: LedGuest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The primary waited too, and published one position beyond."""

    class WaitedError(Exception):
        pass

    def wait(follow: Follow) -> None:
        raise WaitedError

    path = waiting_guest(tmp_path_factory.mktemp("guest") / "waiting")
    counting.config = MachineConfig(guest=path, guest_name="waits", memory_bytes=1 << 20, clock="host")
    counting.entries.clear()
    position = int(found(counting).split("every hart waits at ")[1].split(",")[0].split()[0])
    monkeypatch.setattr(Follow, "_wait", wait)
    counting.horizon = position + 1
    with pytest.raises(WaitedError):
        FollowingHost(counting)
    counting.horizon = position + 2
    assert "differ in waiting" in found(counting)


def test_the_emulator_fails_on_one_side(counting: LedGuest, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise InternalError("the emulator stopped")

    monkeypatch.setattr(Machine, "run", fail)
    assert "differ in the emulator: expected it runs on, found the emulator stopped" in found(counting)


def test_soft_errors_happen_in_order_at_their_icount(counting: LedGuest) -> None:
    counting.entries.clear()
    following = FollowingHost(counting, ["x7@900:0", "x7@101:1", "x8@101:2", "x9@1G:1"])
    assert following.found is None
    happened = [message.soft_error for message in following.host.wire.said if isinstance(message, Injected)]
    assert happened == ["x7@101:1", "x8@101:2", "x7@900:0"]
    registers = following.host.machine.wires.engines[0].registers[0]["gpr"]
    assert (int(registers[7]), int(registers[8]), int(registers[9])) == (3, 4, 0)


def test_none_happens_where_it_has_been_or_once_it_goes_live(counting: LedGuest) -> None:
    following = FollowingHost(counting, ["x7@3G:1"])
    follow = following.follow
    assert follow._next_soft_error() is not None
    following.host.soft_errors = []
    assert follow._next_soft_error() is None
    following = FollowingHost(counting, ["x7@1900:1", "x7@3G:1"])
    following.host.machine.run(limit=3000)
    assert str(following.follow._next_soft_error()) == "x7@3000000000:1"
    following.host.member.role = Role.GOING_LIVE
    assert following.follow._next_soft_error() is None
