"""Commands in README.md and docs/: how they are found, run and compared with the output that is shown.

A fenced block of `sh` has commands; one of `console` has commands after `$ ` and below each what it prints. A command
that must not end with 0 says so: `lockstep run storm --timeout 1  # exit status 124`. A block whose info string has
`file=NAME` is written to NAME first. All commands of a page run in one shell, one after the other.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(r"#.*\bexit status (\d+)")
_NUMBER = re.compile(r"\d[\d,.]*")
_VARIES = ("lockstep: ", "[")
"""How lines start whose numbers are measured: what lockstep says, and the kernel's messages with their times."""
ELIDED = "..."
ANYTHING = "…"


@dataclass(frozen=True)
class Command:
    """A command line of a document."""

    line: str
    status: int = 0
    shown: tuple[str, ...] = ()
    """Lines that it prints, as the document has them."""


@dataclass(frozen=True)
class Document:
    """What of a page can be run."""

    commands: tuple[Command, ...]
    files: dict[str, str]


def read_document(path: Path) -> Document:
    """The commands and files of the page at `path`."""
    commands: list[Command] = []
    files: dict[str, str] = {}
    for language, information, body in _BLOCK.findall(path.read_text()):
        if named := re.search(r"\bfile=(\S+)", information):
            files[named[1]] = body
        elif language == "sh":
            commands += [_command(line) for line in _whole_lines(body)]
        elif language == "console":
            commands += _with_output(body)
    return Document(tuple(commands), files)


def script_of(document: Document, directory: Path) -> str:
    """A shell script that runs all commands in the current directory and leaves what each came to in `directory`."""
    lines = []
    for index, command in enumerate(document.commands):
        stem = shlex.quote(str(directory / str(index)))
        lines += [f"{{ {command.line}", f"}} >{stem}.out 2>{stem}.err", f"echo $? >{stem}.status"]
    return "\n".join(lines) + "\n"


def assert_as_shown(command: Command, printed: Sequence[str]) -> None:
    """Each line that the document shows has been printed by the command, in that order on its stream.

    `printed` are the texts of the streams. `...` stands for any lines, `…` for any text.
    """
    streams = [text.replace("\r", "").splitlines() for text in printed]
    places = [0] * len(streams)
    for line in command.shown:
        if line == ELIDED:
            continue
        for number, lines in enumerate(streams):
            found = next((i for i in range(places[number], len(lines)) if _agree(line, lines[i])), None)
            if found is not None:
                places[number] = found + 1
                break
        else:
            raise AssertionError(
                f"`{command.line}` doesn't print {line!r} there, but:\n" + "\n".join(printed)
            )


def _agree(shown: str, printed: str) -> bool:
    if shown.startswith(_VARIES):
        shown, printed = _NUMBER.sub("0", shown), _NUMBER.sub("0", printed)
    parts = [re.escape(part) for part in shown.rstrip().split(ANYTHING)]
    return re.fullmatch(".*".join(parts), printed.rstrip()) is not None


def _command(line: str, shown: Sequence[str] = ()) -> Command:
    status = _STATUS.search(line)
    return Command(re.split(r"\s+# ", line)[0], int(status[1]) if status else 0, tuple(shown))


def _whole_lines(body: str) -> list[str]:
    return [line for line in body.replace("\\\n", "").splitlines() if line.strip()]


def _with_output(body: str) -> list[Command]:
    commands = []
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        line, *shown = part.rstrip("\n").splitlines()
        commands.append(_command(line, shown))
    return commands
