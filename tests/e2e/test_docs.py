"""Every command in the README does what it says there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from command import REPOSITORY, lockstep

BLOCK = re.compile(r"^```(?:console|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = {
    "make demo": "CI runs it as a step of its own",
    "make test": "this is part of it",
    "lockstep fetch linux": "tests/e2e/test_fetch.py",
}


def commands(document: Path) -> list[str]:
    """The command lines of the document's fenced blocks: those after `$ ` in one with output, else all."""
    lines: list[str] = []
    for block in BLOCK.findall(document.read_text()):
        shown = block.splitlines()
        typed = [line[2:] for line in shown if line.startswith("$ ")]
        lines += typed or [line for line in shown if line.strip()]
    return [line.split("  #")[0].strip() for line in lines]


README = commands(REPOSITORY / "README.md")


def test_the_readme_has_commands() -> None:
    assert {"make demo", "make test"} <= set(README)


@pytest.mark.parametrize("line", [line for line in README if line not in ELSEWHERE])
def test_command_runs(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if " linux" in line:
        from lockstep.catalog.linux import linux_guest

        if linux_guest() is None:
            pytest.skip("linux isn't fetched; tests/e2e/test_cli_linux.py does and runs it")
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(line)
    assert program == "lockstep", f"{line!r} isn't ours to run"
    expected = 124 if "--timeout" in arguments else 0
    done = lockstep(*arguments)
    assert done.returncode == expected, done.stderr.decode()
