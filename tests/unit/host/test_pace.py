from __future__ import annotations

from typing import Any

import pytest

from lockstep.host import pace
from lockstep.host.entries import clock_payload
from lockstep.machine.state import NEVER


class FakeMachine:
    """What a pace sees of a machine."""

    def __init__(self) -> None:
        self.board: Any = {"time_offset_ns": 0}
        self.position = 0
        self.next_event_ns = NEVER

    @property
    def guest_ns(self) -> int:
        return self.position + int(self.board["time_offset_ns"])


class FakeTime:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now_ns = 7_000_000_000_000

    def monotonic_ns(self) -> int:
        return self.now_ns


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr(pace, "time", fake)
    return fake


def test_a_guest_that_lags_is_behind(clock: FakeTime) -> None:
    machine: Any = FakeMachine()
    paced = pace.Pace(machine)
    clock.now_ns += 5_000_000
    machine.position = 2_000_000
    machine.board["time_offset_ns"] = 1_000
    assert paced.lag_ns == 2_999_000
    assert paced.ahead_s == 0
    assert paced.correction() == paced.correction(2_998_999) == clock_payload(3_000_000)
    assert paced.correction(2_999_000) is None


def test_a_guest_that_is_quick_has_to_wait(clock: FakeTime) -> None:
    machine: Any = FakeMachine()
    paced = pace.Pace(machine)
    machine.position = 50_000_000
    clock.now_ns += 10_000_000
    assert paced.lag_ns == -40_000_000
    assert paced.ahead_s == pytest.approx(0.04)


def test_sleep_until_the_next_event(clock: FakeTime) -> None:
    machine: Any = FakeMachine()
    paced = pace.Pace(machine)
    assert paced.until_event_s is None
    clock.now_ns += 10_000_000
    machine.next_event_ns = 30_000_000
    assert paced.until_event_s == pytest.approx(0.02)
    machine.next_event_ns = 5_000_000
    assert paced.until_event_s == 0
