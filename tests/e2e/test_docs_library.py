"""Every example in docs/library.md runs, and prints what it says there."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from command import REPOSITORY

import lockstep

TEXT = (REPOSITORY / "docs/library.md").read_text()
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)
EXAMPLES = EXAMPLE.findall(TEXT)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 6
    assert all(printed for _, printed in EXAMPLES)


@pytest.mark.parametrize(("program", "printed"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_example(
    program: str,
    printed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "docs/library.md", "exec"), {})
    assert capsys.readouterr().out == printed


def test_every_method_that_the_tables_name_is_there() -> None:
    known = {
        name
        for kind in (lockstep.Machine, lockstep.Pair, lockstep.Trace)
        for name, _ in inspect.getmembers(kind)
    }
    rows = [line.split(" | ", 1)[1] for line in TEXT.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(?:\w+\.)?(\w+)\(", row)} - {"Machine"}
    assert len(named) > 10
    assert named <= known
