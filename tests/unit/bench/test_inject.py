"""The benchmark of injection: each entry is one interrupt, by the guest's own count, or nothing is measured."""

from __future__ import annotations

import dataclasses

import pytest

from bench.inject import KINDS, Kind, record, replay
from bench.interrupt_guest import INTERRUPTS_MAX, input_guest, timer_guest
from bench.results import MeasurementError

COUNT = 300


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_replay_comes_to_what_was_recorded(kind: Kind) -> None:
    recording = record(kind, COUNT)
    assert recording.work["interrupts"] == COUNT
    assert recording.work["sum"] == (sum(n % 128 for n in range(1, COUNT + 1)) if kind.name == "UART" else 0)
    assert replay(recording) > 0


def test_a_replay_that_comes_to_something_else_is_no_measurement() -> None:
    recording = record(KINDS["timer"], COUNT)
    with pytest.raises(MeasurementError, match=f"{COUNT - 1} entries, but the guest counted {COUNT}"):
        replay(dataclasses.replace(recording, interrupts=COUNT - 1))
    with pytest.raises(MeasurementError, match="differs from the recording"):
        replay(dataclasses.replace(recording, work={}))


def test_an_entry_that_is_no_interrupt_is_noticed() -> None:
    """Clock entries that don't reach the timer."""
    silent = dataclasses.replace(KINDS["timer"], payload=lambda machine, number: bytes(8))
    with pytest.raises(MeasurementError, match="were not 300 interrupts"):
        record(silent, COUNT)


@pytest.mark.parametrize("count", [0, -1, INTERRUPTS_MAX + 1])
def test_counts_that_make_no_sense(count: int) -> None:
    for guest in (timer_guest, input_guest):
        with pytest.raises(ValueError, match="out of range"):
            guest(count)
