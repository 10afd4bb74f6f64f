"""Every command in README.md and docs/ does what is said there, and prints what is shown."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from command import REPOSITORY, fetch_linux, lockstep_on_path
from documents import ELIDED, Command, Document, assert_as_shown, read_document, script_of

PAGE_TIMEOUT_S = 150
ELSEWHERE = {
    r"make demo": "CI runs it as a step of its own; tests/e2e/test_cli_demo.py compares its output",
    r"make test": "this is part of it",
    r"python -m bench.*": "tests/unit/bench runs all of it, at smoke size",
}
"""Commands that no page's test runs, and who does."""


def pages() -> list[Path]:
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def runnable(page: Path) -> Document:
    document = read_document(page)
    is_ours = [
        command for command in document.commands if not any(re.fullmatch(e, command.line) for e in ELSEWHERE)
    ]
    return Document(tuple(is_ours), document.files)


def needs_linux(document: Document) -> bool:
    return any(re.search(r"\blinux\b", command.line) for command in document.commands)


def parameters() -> list[object]:
    found = []
    for page in pages():
        document = runnable(page)
        if document.commands:
            marks = [pytest.mark.linux] if needs_linux(document) else []
            found.append(pytest.param(document, id=page.stem, marks=marks))
    return found


def test_the_readme_has_the_two_commands() -> None:
    lines = {command.line for command in read_document(REPOSITORY / "README.md").commands}
    assert {"make demo", "make test"} <= lines


@pytest.mark.timeout(PAGE_TIMEOUT_S + 20)
@pytest.mark.parametrize("document", parameters())
def test_commands_do_what_the_page_says(document: Document, tmp_path: Path) -> None:
    if needs_linux(document):
        fetch_linux()
    results, work = tmp_path / "results", tmp_path / "work"
    results.mkdir()
    work.mkdir()
    environment = lockstep_on_path(tmp_path / "bin")
    for name, text in document.files.items():
        (work / name).write_text(text)
    # Pairs of this page only are called by its names; the path of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="pairs-") as sockets:
        _run(script_of(document, results), work, {**environment, "XDG_RUNTIME_DIR": sockets})
    for index, command in enumerate(document.commands):
        printed = [(results / f"{index}.{stream}").read_text(errors="replace") for stream in ("out", "err")]
        assert _status(results / f"{index}.status") == command.status, (command.line, *printed)
        assert_as_shown(command, printed)


def _run(script: str, work: Path, environment: dict[str, str]) -> None:
    """Run a page's script; whatever it left running is gone afterwards."""
    process = subprocess.Popen(
        ["bash", "-c", script], cwd=work, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        process.wait(PAGE_TIMEOUT_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _status(path: Path) -> int | None:
    return int(path.read_text()) if path.exists() else None


def test_a_wrong_output_is_found() -> None:
    command = Command("lockstep run hello", shown=("Hello from lockstep", ELIDED, "lockstep: 1 of 3"))
    assert_as_shown(command, ["Hello from lockstep\r\n", "lockstep: 20 of 3,000\n"])
    with pytest.raises(AssertionError, match="Hello from lockstep"):
        assert_as_shown(command, ["Hello from locksmith\n", "lockstep: 1 of 3\n"])
