"""Writes docs/reference.md from what the commands say of themselves: python -m lockstep.cli.reference [FILE]."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lockstep.cli.examples import EXAMPLES

EXIT_STATUSES = (
    ("0 to 119", "the guest's own: power-off is 0; a higher code than 119 is shown as 119"),
    ("2", "the command line makes no sense"),
    ("120", "the two machines differ, or a replay differs from its trace"),
    ("121", "no host is left to run the guest"),
    ("124", "`--timeout` or `--max-icount`"),
    ("125", "lockstep failed, or whoever read its output went away"),
    ("126", "the guest can't be run, or the trace can't be read"),
    ("130", "interrupted"),
)

REPORT_KEYS = (
    ("version", "of lockstep"),
    ("guest", "`name`, `sha256`"),
    (
        "outcome",
        "`poweroff`, `exit`, `idle`, `timeout`, `max-icount`, `divergence`, `no-host`, `interrupted` or `error`; "
        "of a replay also `until` or `truncated` (docs/trace.md)",
    ),
    ("exit_code", "the command's exit status"),
    ("icount", "instructions retired, all harts together"),
    ("wall_s", "seconds from the guest's first instruction to its last"),
    ("mips", "million instructions a second of `wall_s`"),
    ("console", "`bytes`, `xxh3_128` of what the guest printed"),
    ("digest", "of RAM, all registers and all devices at the end"),
    ("log", "`entries`, `bytes`, `kinds` (how many of each) of the log; null for one machine"),
    ("checks", "`compared`, `mismatched`; null for one machine"),
    (
        "failovers",
        "each: `generation`, `icount` where the survivor went live, `detect_ms`, `blackout_ms` (from the kill to the "
        "first instruction of the new primary)",
    ),
    ("clones", "each new secondary: `icount`, `pause_ms` of the guest, `total_ms`, `bytes` sent"),
    ("divergence", "null, or what differs (docs/verify.md)"),
)

VARIABLES = (
    (
        "LOCKSTEP_CACHE",
        "where compiled code and fetched guests are kept (default `~/.cache/lockstep`)",
    ),
    ("LOCKSTEP_DEBUG", "`1`: an error shows where in lockstep it came from"),
    ("NO_COLOR", "no colours"),
)

HEAD = """\
# Reference
Generated from the commands' own help by `python -m lockstep.cli.reference`; a test compares.

An icount is a number of instructions: `5000000`, `5M`, `1.5G`. A time: `300ms`, `2.5s`. A size: `128M`, `2G`.
"""


def reference() -> str:
    """The page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    import typer.main

    from lockstep.cli.app import make_app

    root: Any = typer.main.get_command(make_app())
    commands = {name: command for name, command in root.commands.items() if not command.hidden}
    yield HEAD
    yield from _table(
        ("command", "what it does"),
        ((f"[`{name}`](#lockstep-{name})", _sentences(command)[0]) for name, command in commands.items()),
    )
    for name, command in commands.items():
        yield from _command(name, command)
    yield "## Exit status"
    yield from _table(("status", "meaning"), EXIT_STATUSES)
    yield "## Report"
    yield "What `--report FILE` writes: one JSON object. A key that doesn't apply is null."
    yield ""
    yield from _table(("key", "meaning"), ((f"`{key}`", text) for key, text in REPORT_KEYS))
    yield "## Environment"
    yield from _table(("variable", "meaning"), ((f"`{name}`", text) for name, text in VARIABLES))


def _command(name: str, command: Any) -> Iterator[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    usage = " ".join(
        [
            f"lockstep {name}",
            *(["[OPTIONS]"] if options else []),
            *(one.metavar or one.name for one in arguments),
        ]
    )
    yield f"## lockstep {name}"
    yield f"`{usage}`"
    yield ""
    for paragraph in _sentences(command):
        yield paragraph
        yield ""
    rows = [(f"`{one.metavar or one.name}`", one.help or "") for one in arguments]
    rows += [(f"`{_spelled(one)}`", _with_default(one)) for one in options]
    if rows:
        yield from _table(("argument", "meaning"), rows)
    if name in EXAMPLES:
        yield "```text"
        width = max(len(line) for line, _ in EXAMPLES[name])
        yield from (f"{line:<{width}}  # {purpose}" for line, purpose in EXAMPLES[name])
        yield "```"
        yield ""


def _sentences(command: Any) -> list[str]:
    """The paragraphs of the command's help, each in one line."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    return [" ".join(paragraph.split()) for paragraph in paragraphs]


def _spelled(option: Any) -> str:
    names = ", ".join(option.opts)
    if option.is_flag:
        return names
    return f"{names} {option.metavar}"


def _with_default(option: Any) -> str:
    text = " ".join((option.help or "").split())
    shown = option.default not in (None, "", False) and "[default" not in text
    return f"{text} [default: {option.default}]" if shown else text


def _table(heading: tuple[str, str], rows: Any) -> Iterator[str]:
    yield f"| {heading[0]} | {heading[1]} |"
    yield "| --- | --- |"
    yield from (
        f"| {left.replace('|', chr(92) + '|')} | {right.replace('|', chr(92) + '|')} |"
        for left, right in rows
    )
    yield ""


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(reference())
    else:
        sys.stdout.write(reference())
