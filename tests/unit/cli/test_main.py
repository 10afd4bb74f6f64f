from __future__ import annotations

import pytest

from lockstep.cli import main, messages
from lockstep.errors import DivergenceError, GuestError, InternalError, NoHostError, UsageError


def fails_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def app(**arguments: object) -> None:
        raise error

    monkeypatch.setattr(main, "make_app", lambda: app)


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (UsageError("what"), 2),
        (DivergenceError("what"), 120),
        (NoHostError("what"), 121),
        (InternalError("what"), 125),
        (GuestError("what"), 126),
        (KeyError("what"), 125),
        (MemoryError("what"), 125),
        (RecursionError("what\nand why"), 125),
    ],
)
def test_errors_end_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, exit_code: int
) -> None:
    monkeypatch.delenv(main.DEBUG_VARIABLE, raising=False)
    fails_with(monkeypatch, error)
    assert main.exit_code_of([]) == exit_code
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("lockstep: ")
    assert output.err.count("\n") == 1


def test_a_bug_says_how_to_see_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails_with(monkeypatch, ZeroDivisionError("what"))
    main.exit_code_of([])
    assert "LOCKSTEP_DEBUG=1" in capsys.readouterr().err
    monkeypatch.setenv("LOCKSTEP_DEBUG", "1")
    main.exit_code_of([])
    assert "Traceback" in capsys.readouterr().err


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    fails_with(monkeypatch, KeyboardInterrupt())
    assert main.exit_code_of([]) == 130
    assert capsys.readouterr().err == ""


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert messages.one_line("a\nb\r\x1b[31mc\x07") == "a b ?[31mc?"
