"""Signals that end a run."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from lockstep.host.ending_signals import ENDING_SIGNALS, on_ending_signals


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """As they were, afterwards."""
    before = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def acted_on(number: signal.Signals) -> int:
    acts: list[int] = []
    with on_ending_signals(lambda: acts.append(1)):
        signal.raise_signal(number)
    return len(acts)


@pytest.mark.parametrize("number", ENDING_SIGNALS)
def test_each_of_them_does(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_DFL)
    assert acted_on(number) == 1
    assert signal.getsignal(number) == signal.SIG_DFL


def test_under_nohup_the_terminals_end_is_nothing() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert acted_on(signal.SIGHUP) == 0
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_in_the_background_of_a_script_an_interrupt_still_counts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert acted_on(signal.SIGINT) == 1
