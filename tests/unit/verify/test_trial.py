"""What becomes of one soft error, in a guest whose every answer is known."""

from __future__ import annotations

import programs
import pytest
from assembler import RAM, Assembler, addi, b_type, s_type
from random_programs import DATA

from lockstep.machine.machine import Machine
from lockstep.machine.soft_error import SoftError
from lockstep.verify.campaign import run_trials
from lockstep.verify.reference import RAM_EVERY_CHECKS, Reference, measure, record
from lockstep.verify.trial import Trial

EVERY = 1000
ROUNDS = 6000
FAIL, CODE = 0x3333, 5


def guest() -> programs.MachineConfig:
    """Counts x21 down, writing x7 in each round; prints x20; exits with x22."""
    asm = Assembler()
    asm.constant(20, ord("A"))
    asm.constant(21, ROUNDS)
    asm.constant(22, FAIL | CODE << 16)
    asm.constant(10, 0x1000_0000)
    asm.constant(11, 0x10_0000)
    asm.emit(addi(7, 0, 5), addi(21, 21, -1), b_type(1, 21, 0, -8))
    asm.emit(s_type(0x23, 0, 10, 20, 0), s_type(0x23, 2, 11, 22, 0))
    asm.label("end")
    asm.jump("end")
    return programs.machine_config(asm.image())


CONFIG = guest()


def recorded() -> Reference:
    machine = Machine(CONFIG)
    return record(machine, measure(Machine(CONFIG), 1_000_000), EVERY)


REFERENCE = recorded()


def tried(error: SoftError) -> Trial:
    (trial,) = run_trials(Machine(CONFIG), REFERENCE, [error], lambda step, done: None)
    return trial


def test_the_reference_is_the_guest_as_it_runs_alone() -> None:
    alone = programs.run_on(Machine(CONFIG))
    assert REFERENCE.icount == alone.icount
    assert REFERENCE.digest == alone.digest
    assert REFERENCE.ending.console == alone.console == b"A"
    assert (REFERENCE.ending.exited, REFERENCE.ending.exit_code) == (True, CODE)
    assert [check.icount for check in REFERENCE.checks[:-1]] == list(range(EVERY, alone.icount, EVERY))
    assert REFERENCE.checks[-1].compares_ram
    assert (
        sum(check.compares_ram for check in REFERENCE.checks[:-1])
        == alone.icount // EVERY // RAM_EVERY_CHECKS
    )


@pytest.mark.parametrize(
    ("register", "bit", "outcome"),
    [
        ("x20", 1, "wrong output"),
        ("x22", 17, "error exit"),
        ("x21", 40, "hang"),
        ("pc", 31, "trap loop"),
        ("x30", 9, "no effect"),
        ("mscratch", 9, "no effect"),
    ],
)
def test_registers_that_matter_and_others(register: str, bit: int, outcome: str) -> None:
    error = SoftError(icount=3333, bit=bit, register=register)
    trial = tried(error)
    assert (trial.fate, trial.latency) == ("detected", 4000 - 3333)
    assert (trial.located, trial.is_located) == (3333, True)
    assert trial.outcome == outcome


def test_what_is_overwritten_is_masked() -> None:
    trial = tried(SoftError(icount=3333, bit=3, register="x7"))
    assert (trial.fate, trial.latency) == ("masked", 4000 - 3333)
    assert (trial.outcome, trial.is_located) == ("no effect", False)


def test_memory_that_nobody_reads_waits_for_a_check_of_ram() -> None:
    trial = tried(SoftError(icount=1500, bit=3, address=DATA))
    assert (trial.fate, trial.latency) == ("detected", RAM_EVERY_CHECKS * EVERY - 1500)
    assert (trial.located, trial.outcome) == (1500, "no effect")


def test_code_that_changes_is_found_by_what_it_does() -> None:
    """Bit 20 of `addi x7, x0, 5`: 4 instead, in every round."""
    code = next(offset for offset in range(0, 256, 4) if programs_word(offset) == addi(7, 0, 5))
    trial = tried(SoftError(icount=2500, bit=20, address=RAM + code))
    assert (trial.fate, trial.latency) == ("detected", 500)
    assert trial.located == 2500


def programs_word(offset: int) -> int:
    return int.from_bytes(Machine(CONFIG).wires.ram[offset : offset + 4].tobytes(), "little")


@pytest.mark.parametrize("icount", [1, EVERY - 1, EVERY, EVERY + 1, REFERENCE.icount - 1])
def test_at_the_edges(icount: int) -> None:
    trial = tried(SoftError(icount=icount, bit=9, register="x30"))
    assert trial.fate == "detected"
    assert trial.located == icount
    assert 0 <= trial.latency < EVERY


def test_several_at_once_come_back_in_their_order() -> None:
    errors = [SoftError(icount=icount, bit=1, register="x30") for icount in (7000, 10, 3000, 3000, 7000)]
    trials = run_trials(Machine(CONFIG), REFERENCE, errors, lambda step, done: None)
    assert [trial.error for trial in trials] == [str(error) for error in errors]
    assert [trial.located for trial in trials] == [7000, 10, 3000, 3000, 7000]
