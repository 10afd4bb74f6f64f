from __future__ import annotations

import shlex
from typing import Any

import pytest
import typer.main

from lockstep.cli.app import make_app
from lockstep.cli.examples import EXAMPLES

ROOT: Any = typer.main.get_command(make_app())
COMMANDS = {name: command for name, command in ROOT.commands.items() if not command.hidden}
HELP_COLUMNS = 80


def test_every_command_has_examples_and_no_other_has() -> None:
    assert set(EXAMPLES) == set(COMMANDS), "lockstep/cli/examples.py"


@pytest.mark.parametrize("command", EXAMPLES)
def test_examples_parse(command: str) -> None:
    for line, purpose in EXAMPLES[command]:
        assert purpose
        program, name, *arguments = _typed(line)
        assert (program, name) == ("lockstep", command)
        COMMANDS[name].make_context(name, arguments)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_the_examples_as_they_are_written(name: str) -> None:
    context = COMMANDS[name].make_context(name, [], resilient_parsing=True, max_content_width=HELP_COLUMNS)
    shown = COMMANDS[name].get_help(context).splitlines()
    for line, purpose in EXAMPLES[name]:
        assert f"    {line}" in shown
        assert f"        {purpose}" in shown
        assert len(line) + 4 <= HELP_COLUMNS


def test_the_list_of_commands_cuts_no_summary_off() -> None:
    context = ROOT.make_context("lockstep", [], resilient_parsing=True, max_content_width=HELP_COLUMNS)
    listed = ROOT.get_help(context).split("Commands:")[1]
    assert "..." not in listed


def _typed(line: str) -> list[str]:
    """The words of lockstep's part of an example."""
    inner = line.removeprefix('eval "$(').removesuffix(')"')
    return shlex.split(inner.partition(" | ")[0])
