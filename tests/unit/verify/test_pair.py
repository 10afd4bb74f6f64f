"""The pair under verification: equal to the end, or told apart; and told honestly when it can't be found again."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
from typing import Any

import programs
import pytest
import random_programs

from lockstep.errors import UsageError
from lockstep.machine.machine import Machine
from lockstep.machine.soft_error import SoftError, parse_soft_error
from lockstep.verify import pair
from lockstep.verify.pair import VerifyOptions, run_verify
from lockstep.verify.subject import Arrival, Subject

KINDS = random_programs.Kinds(pieces=60, traps_max=60)
CONFIG = programs.machine_config(random_programs.random_program(5000, KINDS))


def verified(*errors: str, every: int = 700, **options: Any) -> Any:
    return run_verify(
        CONFIG, VerifyOptions(every=every, errors=tuple(map(parse_soft_error, errors)), **options)
    )


@pytest.mark.parametrize("every", [50, 700, 10_000_000])
def test_equal_to_the_end_and_like_a_machine_alone(every: int) -> None:
    console = bytearray()
    result = verified(every=every, write_console=console.extend)
    alone = programs.run_on(Machine(CONFIG))
    assert (result.icount, result.digest) == (alone.icount, alone.digest)
    assert bytes(console) == alone.console
    assert (result.exit_code, result.divergence) == (0, None)
    assert result.checks["mismatched"] == 0
    assert result.checks["compared"] > alone.icount // (2 * every)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ("x7@1234:13", "x7"),
        ("fs1@1:62", "f9"),
        ("mscratch@1800:5", "mscratch"),
        ("0x80040010@700:63", "0x80040010"),
        ("pc@1000:4", "pc"),
    ],
)
def test_an_injected_error_is_found_exactly_where_it_struck(error: str, name: str) -> None:
    result = verified(error)
    wanted = parse_soft_error(error)
    divergence = result.divergence
    assert result.exit_code == 120
    assert result.outcome == "divergence"
    assert divergence["icount"] == wanted.icount
    assert name in divergence["expected"].split()
    assert divergence["injected"] == [str(wanted)]
    differing = [row["name"] for row in divergence["registers"] if row["differs"]]
    words = [word["address"] for page in divergence["memory"] for word in page["words"]]
    assert differing + words == [name]
    expected, actual = (int(divergence[key].split()[1].rstrip(","), 16) for key in ("expected", "actual"))
    assert expected ^ actual == 1 << wanted.bit


def test_an_error_that_is_overwritten_at_once_is_found_as_well() -> None:
    """The comparison right at the flip finds it, whatever comes after."""
    result = run_verify(
        programs.bundled("hello"), VerifyOptions(errors=(SoftError(icount=300, bit=9, register="x6"),))
    )
    assert result.divergence["icount"] == 300


def test_two_errors_the_first_one_counts() -> None:
    assert verified("x7@1500:1", "x9@400:1").divergence["icount"] == 400


def test_an_error_after_the_end_never_strikes() -> None:
    result = verified("x7@10M:1")
    assert result.exit_code == 0
    assert "x7@10000000:1 never struck" in result.message


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(UsageError, match="outside RAM"):
        verified("0x90000000@1:1")
    with pytest.raises(UsageError, match="--every 0"):
        verified(every=0)


def test_max_icount_ends_where_it_ends_for_a_run() -> None:
    result = verified(max_icount=1000)
    assert result.outcome == "max-icount"
    assert result.exit_code == 0
    assert 1000 <= result.icount < 1100


SHARED = mmap.mmap(-1, 8)
"""What forked copies share: how often something has happened, rolled back or not."""


class Flaky(Subject):
    """The tested machine breaks once, outside of what it is a function of."""

    def run_to(self, **place: int) -> Arrival:
        arrival = super().run_to(**place)
        if self._errors and not SHARED[0]:
            SHARED[0] = 1
            self.machine.wires.engines[0].registers["gpr"][0, 9] ^= 1
            return self.arrival("reached")
        return arrival


class Mortal(Subject):
    """The tested machine's process dies at instruction 901."""

    def run_to(self, *, icount: int = 1 << 61, position: int = 1 << 61) -> Arrival:
        if self._errors:
            super().run_to(icount=min(icount, 901), position=position)
            if self.machine.icount == 901:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().run_to(icount=icount, position=position)


NEVER_STRIKES = "x7@10M:1"


def test_a_difference_that_does_not_come_again_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    SHARED[0] = 0
    monkeypatch.setattr(pair, "Subject", Flaky)
    result = verified(NEVER_STRIKES)
    assert result.exit_code == 120
    assert result.divergence["icount"] is None
    assert result.divergence["window"][0] == 0
    assert "did not come again" in result.divergence["what"]


def test_a_machine_that_breaks_down_is_found_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair, "Subject", Mortal)
    result = verified(NEVER_STRIKES)
    assert result.exit_code == 120
    assert result.divergence["icount"] == 901
    assert "died (was ended by signal 9)" in result.divergence["what"]


def secretly(*errors: str) -> Any:
    """In place of Subject: the tested machine (the second one made) suffers errors that nobody tells of."""
    made: list[Subject] = []

    def make(machine: Machine, known: Any = ()) -> Subject:
        made.append(Subject(machine, map(parse_soft_error, errors if made else ())))
        return made[-1]

    return make


@pytest.mark.parametrize("error", ["x20@1501:5", "f12@1333:60", "0x80040010@903:63"])
def test_a_difference_of_unknown_cause_is_put_down_to_its_instruction(
    error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    icount = parse_soft_error(error).icount
    monkeypatch.setattr(pair, "Subject", secretly(error))
    divergence = verified().divergence
    machine = Machine(CONFIG)
    machine.run(exact_icount=icount - 1)
    assert (divergence["icount"], divergence["injected"]) == (icount, [])
    assert divergence["pc"] == machine.pc, "the instruction that retired last before they differed"
    assert any(line.startswith(f"=> {machine.pc:#x}:") for line in divergence["disassembly"])


def test_under_the_hosts_clock_entries_make_both_equal() -> None:
    config = programs.bundled("timer", "seconds=1")
    host = type(config)(
        memory_bytes=config.memory_bytes, guest=config.guest, append="seconds=1", clock="host"
    )
    result = run_verify(host, VerifyOptions(every=5_000_000))
    assert result.exit_code == 0, result.divergence
    assert result.outcome == "poweroff"
    assert result.log["kinds"]["clock"] > 10
    struck = run_verify(host, VerifyOptions(errors=(parse_soft_error("s1@30M:7"),)))
    assert struck.divergence["icount"] == 30_000_000
    assert {"clock", "check"} <= {entry["kind"] for entry in struck.divergence["log"]}
    assert len(struck.divergence["log"]) == 10


def test_an_interrupt_that_python_dropped_ends_it() -> None:
    def drop_it(data: bytes) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)

    config = programs.bundled("storm")
    result = run_verify(config, VerifyOptions(every=1_000_000, write_console=drop_it))
    assert result.outcome == "interrupted"
