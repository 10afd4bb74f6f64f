"""`lockstep completion`: what a shell can offer when Tab is pressed.

The scripts ask `lockstep complete -- WORD...`, whose last word is the one being typed. It answers a candidate a line,
`value<Tab>description`; the line `:files` means that names of files fit as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lockstep.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

FILES = ":files"

BASH = """\
_lockstep() {
    local IFS=$'\\n' line typed="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=()
    while read -r line; do
        if [[ $line == :files ]]; then
            compopt -o filenames
            COMPREPLY+=($(compgen -f -- "$typed"))
        else
            COMPREPLY+=("${line%%$'\\t'*}")
        fi
    done < <("$1" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *@ ]] && compopt -o nospace
}
complete -F _lockstep lockstep
"""

ZSH = """\
#compdef lockstep
_lockstep() {
    local line has_files
    local -a described
    for line in "${(@f)$($words[1] complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        if [[ $line == :files ]]; then
            has_files=1
        elif [[ -n $line ]]; then
            described+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}")
        fi
    done
    (( $#described )) && _describe -V lockstep described
    [[ -n $has_files ]] && _files
    return 0
}
if [[ $funcstack[1] == _lockstep ]]; then _lockstep "$@"; else compdef _lockstep lockstep; fi
"""

FISH = """\
function __lockstep
    set --local words (commandline --tokenize --cut-at-cursor --current-process)
    set --local typed (commandline --current-token --cut-at-cursor)
    for line in ($words[1] complete -- $words[2..-1] "$typed" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$typed"
        else
            echo $line
        end
    end
end
complete --command lockstep --no-files --arguments '(__lockstep)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def completion(
    shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish", help="The shell that is to complete.")],
) -> None:
    """Print the script that makes a shell complete our words.

    Then Tab completes commands, options, names of guests and of running pairs. The examples say what to write into
    ~/.bashrc, ~/.zshrc (after compinit) or ~/.config/fish/config.fish.
    """
    if shell not in SCRIPTS:
        raise UsageError(f"there is no completion for {shell[:40]!r}: give bash, zsh or fish")
    typer.echo(SCRIPTS[shell], nl=False)


def complete(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(metavar="WORD")] = None,
) -> None:
    """Print what could stand in place of the last word: what the shells' scripts ask for."""
    root = context.find_root().command
    for value, description in candidates(root, words or [""]):
        typer.echo(f"{value}\t{description}" if description else value)


def candidates(root: Any, words: Sequence[str]) -> list[tuple[str, str]]:
    """Values and descriptions that could replace the last of `words`, given the command `lockstep` as parsed by typer.

    (FILES, "") stands for the names of files.
    """
    # Bash takes `--clock=virtual` for three words.
    *before, typed = [word for index, word in enumerate(words) if word != "=" or index == len(words) - 1]
    if typed == "=":
        typed = ""
    found = list(_offered(root, before, typed))
    return [(value, text) for value, text in found if value == FILES or value.startswith(typed)]


def _offered(root: Any, before: Sequence[str], typed: str) -> Iterator[tuple[str, str]]:
    commands = {name: command for name, command in root.commands.items() if not command.hidden}
    if not before:
        yield from _options(root) if typed.startswith("-") else _summaries(commands)
        return
    command = commands.get(before[0])
    if command is None:
        return
    options = {name: option for option in _of_kind(command, "option") for name in option.opts}
    given = 0
    awaits = None
    for word in before[1:]:
        if awaits is not None:
            awaits = None
        elif word.startswith("-") and word != "-":
            option = options.get(word.partition("=")[0])
            awaits = option if option is not None and not option.is_flag and "=" not in word else None
        else:
            given += 1
    if awaits is not None:
        yield from _values(awaits)
    elif typed.startswith("-"):
        yield from _options(command)
    else:
        arguments = _of_kind(command, "argument")
        takes_more = bool(arguments) and arguments[-1].nargs == -1
        if given < len(arguments) or takes_more:
            yield from _values(arguments[min(given, len(arguments) - 1)])


def _of_kind(command: Any, kind: str) -> list[Any]:
    return [
        parameter
        for parameter in command.params
        if parameter.param_type_name == kind and not getattr(parameter, "hidden", False)
    ]


def _summaries(commands: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, command in commands.items():
        yield name, command.get_short_help_str(80)


def _options(command: Any) -> Iterator[tuple[str, str]]:
    for option in _of_kind(command, "option"):
        for name in option.opts:
            if name.startswith("--"):
                yield name, " ".join((option.help or "").split())
    yield "--help", "Show this message and exit."


def _values(parameter: Any) -> Iterator[tuple[str, str]]:
    """What `parameter` takes, told from what --help calls it."""
    for called in (parameter.metavar or "").replace("[", "").replace("]", "").split():
        source = _SOURCES.get(called.partition("@")[0])
        if source is not None:
            yield from source()
        elif "|" in called:
            yield from ((value, "") for value in called.split("|"))
        if called in _FILES_FIT:
            yield FILES, ""


def _guests() -> Iterator[tuple[str, str]]:
    from lockstep.catalog.bundled import BUNDLED_GUESTS, FETCHED_GUESTS

    yield from BUNDLED_GUESTS.items()
    yield from FETCHED_GUESTS.items()


def _hosts() -> Iterator[tuple[str, str]]:
    yield from (("primary@", ""), ("secondary@", ""))


def _pairs() -> Iterator[tuple[str, str]]:
    from lockstep.monitor.control_client import all_statuses

    yield from ((status.name, status.protection) for status in all_statuses()[0])


_SOURCES: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
    "GUEST": _guests,
    "PAIR": _pairs,
    "WHO": _hosts,
}
_FILES_FIT = frozenset(("GUEST", "FILE", "TRACE"))
