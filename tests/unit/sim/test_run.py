"""Worlds in which the protocol is whole: whatever goes wrong, nothing is lost and the pair recovers."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lockstep.sim.broken import BROKEN
from lockstep.sim.checks import Checks, SafetyViolation
from lockstep.sim.machine import ToyMachine
from lockstep.sim.parts import Parts
from lockstep.sim.run import Failure, digest_of, run_seed
from lockstep.sim.world import World

REPOSITORY = Path(__file__).resolve().parents[3]
SEED_VARIABLE = "LOCKSTEP_TEST_SEED"


def test_seeds_pass_and_the_worlds_are_as_hostile_as_they_should_be() -> None:
    verdicts = [run_seed(seed) for seed in range(1, 121)]
    assert [verdict for verdict in verdicts if verdict.failure] == []
    for what, at_least in (
        ("faults", 150),
        ("failovers", 50),
        ("clones", 80),
        ("full_rings", 500),
        ("divergences", 5),
        ("flushes", 2000),
        ("has_lost_power", 2),
        ("has_disk_failed", 5),
    ):
        assert sum(getattr(verdict, what) for verdict in verdicts) >= at_least, what
    lost = sum(verdict.is_guest_lost for verdict in verdicts)
    assert 0 < lost < 20, "some faults hit an unprotected pair, and most don't"


def test_seeds_that_nobody_has_tried_pass() -> None:
    first = int(os.environ.get(SEED_VARIABLE) or random.SystemRandom().getrandbits(40))
    print(f"{SEED_VARIABLE}={first}")
    verdicts = [run_seed(seed) for seed in range(first, first + 30)]
    assert [verdict for verdict in verdicts if verdict.failure] == []


def trace(seed: int, broken: str | None = None) -> list[str]:
    lines: list[str] = []
    run_seed(seed, BROKEN[broken] if broken else None, lines)
    return lines


def test_a_seed_is_the_same_in_every_process() -> None:
    code = "from lockstep.sim.run import *; t = []; run_seed(7, trace=t); print(digest_of(t))"
    for hash_seed in ("0", "12345"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == digest_of(trace(7))


def test_a_failing_seed_fails_again_event_by_event() -> None:
    first = trace(1, "horizon")
    assert first == trace(1, "horizon")
    assert "safety: " in first[-1]
    assert trace(1)[: len(first)] != first


def test_being_traced_changes_nothing() -> None:
    lines: list[str] = []
    assert run_seed(5) == run_seed(5, trace=lines)
    assert len(lines) > 100


def test_a_world_that_gets_stuck_is_a_failure_of_liveness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lockstep.monitor.protection.Protector.reprotect", lambda self, now_s: None)
    failures = [verdict for seed in range(1, 9) if (verdict := run_seed(seed)).failure]
    assert {verdict.failure for verdict in failures} == {Failure.LIVENESS}
    assert any("not protected again" in verdict.text for verdict in failures)


def test_a_guest_that_is_lost_without_need_is_a_failure_of_liveness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lockstep.monitor.protection.win", lambda arbiter, candidate: None)
    verdicts = [run_seed(seed) for seed in range(1, 9)]
    assert any("no host is left, though" in verdict.text for verdict in verdicts)
    assert all(verdict.failure is not Failure.SAFETY for verdict in verdicts)


class FakeHost:
    """Enough of a host for the checks."""

    def __init__(self, number: int, output: bytes = b"", taken: bytes = b"") -> None:
        self.number = number
        self.member = type("", (), {"generation": 1})()
        self.machine = ToyMachine(0)
        self.machine.output += output
        self.machine.taken += taken

    def __str__(self) -> str:
        return f"host {self.number}"


class TestChecks:
    def checks(self, live: Any) -> Checks:
        checks = Checks(World(1, Parts()))
        checks.goes_live(live)
        return checks

    @pytest.mark.parametrize("data", [b"bc", b"ab-", b"aab"])
    def test_bytes_lost_doubled_or_reordered_are_seen(self, data: bytes) -> None:
        host: Any = FakeHost(1, b"abcdef")
        with pytest.raises(SafetyViolation, match="lost, doubled or reordered"):
            self.checks(host).accepted(host, 1, data)

    def test_two_primaries_in_one_generation_are_seen(self) -> None:
        other: Any = FakeHost(2)
        checks = self.checks(FakeHost(1))
        with pytest.raises(SafetyViolation, match="both primary of generation 1"):
            checks.goes_live(other)

    def test_a_survivor_that_lacks_what_the_world_saw_is_seen(self) -> None:
        first: Any = FakeHost(1, b"abc")
        second: Any = FakeHost(2, b"abX")
        second.member.generation = 2
        checks = self.checks(first)
        checks.accepted(first, 1, b"abc")
        with pytest.raises(SafetyViolation, match="lacks byte 2"):
            checks.goes_live(second)

    @pytest.mark.parametrize("taken", [b"b", b"abb", b"ba"])
    def test_input_lost_doubled_or_reordered_is_seen(self, taken: bytes) -> None:
        host: Any = FakeHost(1)
        checks = self.checks(host)
        checks.typed += b"abc"
        host.machine.taken += taken
        with pytest.raises(SafetyViolation, match="of the input"):
            checks.took_input(host)
