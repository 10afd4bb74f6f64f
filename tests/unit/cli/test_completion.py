from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer.main
from command import lockstep, lockstep_on_path

from lockstep.catalog.bundled import BUNDLED_GUESTS, FETCHED_GUESTS
from lockstep.cli.app import make_app
from lockstep.cli.completion import FILES, SCRIPTS, candidates
from lockstep.monitor import control_client

ROOT: Any = typer.main.get_command(make_app())
GUESTS = [*BUNDLED_GUESTS, *FETCHED_GUESTS]


def offered(*words: str) -> list[str]:
    return [value for value, _ in candidates(ROOT, words)]


def test_commands() -> None:
    assert offered("ver") == ["verify"]
    assert "complete" not in offered("")
    assert set(offered("")) == {name for name, command in ROOT.commands.items() if not command.hidden}


def test_every_option_of_every_command_is_offered_with_its_help() -> None:
    for name, command in ROOT.commands.items():
        if command.hidden:
            continue
        shown = dict(candidates(ROOT, [name, "--"]))
        for parameter in command.params:
            if parameter.param_type_name == "option" and not parameter.hidden:
                assert {option for option in parameter.opts if option.startswith("--")} <= set(shown)
        assert all(shown.values()), name


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("run", ""), [*GUESTS, FILES]),
        (("verify", "sel"), ["selftest", FILES]),
        (("run", "--clock", ""), ["host", "virtual"]),
        (("run", "--clock", "=", "v"), ["virtual"]),
        (("run", "--clock", "="), ["host", "virtual"]),
        (("run", "--crash", "pri"), ["primary@"]),
        (("run", "--solo", "hel"), ["hello", FILES]),
        (("run", "--memory", "hel"), []),
        (("run", "--memory=64M", "hel"), ["hello", FILES]),
        (("run", "--report", ""), [FILES]),
        (("run", "hello", ""), []),
        (("replay", ""), [FILES]),
        (("completion", "z"), ["zsh"]),
        (("crash", "pri"), ["primary"]),
        (("crash", "primary", "sec"), ["secondary"]),
        (("nonsense", ""), []),
    ],
)
def test_values(words: Sequence[str], expected: list[str]) -> None:
    assert offered(*words) == expected


def test_the_hidden_command_prints_candidates_and_descriptions() -> None:
    done = lockstep("complete", "--", "run", "hel")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().splitlines() == [f"hello\t{BUNDLED_GUESTS['hello']}", FILES]


def test_running_pairs_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    running = SimpleNamespace(name="linux-2", protection="Protected")
    monkeypatch.setattr(control_client, "all_statuses", lambda: ([running], []))
    assert candidates(ROOT, ["stop", "li"]) == [("linux-2", "Protected")]
    assert offered("crash", "") == ["linux-2", "primary", "secondary"]


def test_an_unknown_shell_is_a_usage_error() -> None:
    assert lockstep("completion", "csh").returncode == 2


# Each shell's own function is called with the words that the shell would have split the line into.
BASH = """\
compopt() { :; }
COMP_WORDS=(lockstep "$@"); COMP_CWORD=$#
_lockstep lockstep
printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """\
words=(lockstep "$@"); CURRENT=$#words
_describe() { print -l -- "${(@)${(@P)argv[-1]}%%:*}" }
_files() { print -l -- "$words[CURRENT]"*(N) }
_lockstep
"""
FISH = """\
for line in (complete --do-complete "lockstep $argv")
    string split --field 1 \\t -- $line
end
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run", "--cl"], ["--clock"]),
        (["run", "h"], ["hello", "house"]),
        (["run", "--channel", ""], ["shm", "tcp"]),
    ],
    ids=["option", "guest or file", "value"],
)
@pytest.mark.parametrize("shell", SCRIPTS)
def test_in_a_shell(shell: str, words: list[str], expected: list[str], tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "house").touch()
    ask, plain = {
        "bash": (BASH, ["--norc"]),
        "zsh": ("compdef() { :; }\n" + SCRIPTS["zsh"] + ZSH, ["-f"]),
        "fish": (FISH, ["--no-config"]),
    }[shell]
    script = tmp_path / "script"
    script.write_text(ask if shell == "zsh" else SCRIPTS[shell] + ask)
    given = [" ".join(words)] if shell == "fish" else words
    done = subprocess.run(
        [shell, *plain, str(script), *given],
        env={**lockstep_on_path(tmp_path / "bin"), "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert sorted(done.stdout.split()) == expected, done.stderr
