"""`lockstep log`: what a trace has of a run's log."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lockstep.cli.replay import TraceArgument
from lockstep.errors import InternalError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lockstep.log.entry import Entry
    from lockstep.log.trace.reader import TraceReader


def log(
    trace: TraceArgument,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help="Only entries of this kind: input, clock, check, disk, frame, entropy, end; repeatable.",
        ),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="N",
            help="From this position on, as 5M (instructions, traps, switches of harts).",
        ),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="N", help="Up to this position.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    stats: Annotated[
        bool, typer.Option("--stats", help="Instead: how many of each kind, how many bytes, how fast.")
    ] = False,
) -> int:
    """List the log entries of TRACE."""
    if stats and (kind or from_ is not None or until is not None):
        raise UsageError("--stats is about the whole trace: leave --kind, --from and --until out")
    kinds = _kinds(kind or [])
    first, last = _position(from_, "--from"), _position(until, "--until")
    if first is not None and last is not None and first > last:
        raise UsageError(f"--from {from_} is later than --until {until}: give one that is earlier")

    from lockstep.log.trace.reader import TraceReader

    with TraceReader(trace) as reader:
        try:
            if stats:
                _print_statistics(reader, as_json=json)
            else:
                _print_entries(_chosen(reader, kinds, first, last), as_json=json)
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise InternalError(f"the log can't be written: {error.strerror}") from error
        _say_where_it_ends(reader, trace)
    return 0


def _kinds(names: list[str]) -> frozenset[int]:
    from lockstep.log.entry import KIND_NAMES

    numbers = {name: number for number, name in KIND_NAMES.items()}
    for name in names:
        if name not in numbers:
            raise UsageError(f"--kind {name[:40]!r} is unknown: give {', '.join(numbers)}")
    return frozenset(numbers[name] for name in names)


def _position(text: str | None, option: str) -> int | None:
    from lockstep.machine.quantities import parse_icount

    return None if text is None else parse_icount(text, option)


def _chosen(
    reader: TraceReader, kinds: frozenset[int], first: int | None, last: int | None
) -> Iterator[Entry]:
    for frame, columns in reader.batches():
        if last is not None and frame["first_position"] > last:
            return
        if first is not None and frame["last_position"] < first:
            continue
        for entry in columns.entries(int(frame["first_ordinal"])):
            is_within = (first is None or entry.position >= first) and (
                last is None or entry.position <= last
            )
            if is_within and (not kinds or entry.kind in kinds):
                yield entry


def _print_entries(entries: Iterator[Entry], *, as_json: bool) -> None:
    from lockstep.ui.trace_log import HEADING, entry_json, entry_row

    write = sys.stdout.write
    if as_json:
        for entry in entries:
            write(entry_json(entry) + "\n")
        return
    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    write(HEADING + "\n")
    for entry in entries:
        write(entry_row(entry, colours=colours) + "\n")


def _print_statistics(reader: TraceReader, *, as_json: bool) -> None:
    from lockstep.log.trace.statistics import statistics_of
    from lockstep.ui.trace_log import BARS, BARS_ASCII, statistics_json, statistics_text

    statistics = statistics_of(reader)
    if as_json:
        sys.stdout.write(statistics_json(statistics) + "\n")
        return
    try:
        BARS.encode(sys.stdout.encoding)
        bars = BARS
    except UnicodeEncodeError:
        bars = BARS_ASCII
    for line in statistics_text(statistics, bars):
        sys.stdout.write(line + "\n")


def _say_where_it_ends(reader: TraceReader, path: Path) -> None:
    from lockstep.cli.messages import one_line, say

    if not reader.is_complete:
        count, position = reader.entries_count, reader.last_position
        say(one_line(f"the trace {path} breaks off behind entry {count:,}, at position {position:,}"))
