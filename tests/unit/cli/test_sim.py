from __future__ import annotations

import subprocess
import sys

import pytest
from command import environment

from lockstep.cli.main import exit_code_of
from lockstep.sim.run import Failure, Verdict


def test_the_seed_comes_first_and_the_count_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["sim", "--seed", "3", "--count", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "seed 3 to 6"
    assert lines[-2].startswith("4 of 4 passed: ")
    assert lines[-1].endswith(" seeds a minute")


def test_a_drawn_seed_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["sim", "--trace"]) == 0
    drawn = capsys.readouterr().out
    assert exit_code_of(["sim", "--trace", "--seed", drawn.split()[1]]) == 0
    assert capsys.readouterr().out == drawn


@pytest.mark.parametrize(
    ("failures", "status"),
    [
        ([Failure.SAFETY], 1),
        ([Failure.LIVENESS], 3),
        ([None, Failure.LIVENESS, Failure.SAFETY], 1),
        ([None, None], 0),
    ],
)
def test_safety_and_liveness_have_a_status_each(
    failures: list[Failure | None],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        "lockstep.sim.run.run_seed", lambda seed, trace: Verdict(seed, failures[seed - 10], "how it went")
    )
    assert exit_code_of(["sim", "--seed", "10", "--count", str(len(failures))]) == status
    out = capsys.readouterr().out
    for seed, failure in enumerate(failures, 10):
        told = failure is not None and f"seed {seed}: {failure.name.lower()}: how it went; " in out
        assert told is (failure is not None)


@pytest.mark.parametrize(
    "arguments", [["--seed", "-1"], ["--seed", "x"], ["--count", "0"], ["--seed", "1" * 40]]
)
def test_bad_numbers_are_usage_errors(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["sim", *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_help_says_what_the_status_means(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["sim", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "1 safety was violated, 3 only liveness was" in said


def test_it_needs_neither_numba_nor_unicorn() -> None:
    code = (
        "import sys; from lockstep.cli.main import exit_code_of; exit_code_of(['sim', '--seed', '1']);"
        "print({'numba', 'llvmlite', 'unicorn', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "set()", done.stdout + done.stderr
