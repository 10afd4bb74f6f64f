"""`lockstep replay`: a recorded run once more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lockstep.cli.guest_arguments import ReportOption
from lockstep.errors import UsageError

SPEEDS = ("max", "real")

TraceArgument = Annotated[Path, typer.Argument(metavar="TRACE", help="What run --trace has written.")]


def replay(
    trace: TraceArgument,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="N", help="Show the console from this icount on, as 5M; starts near it."
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="N", help="Stop when exactly N instructions have retired.")
    ] = None,
    speed: Annotated[
        str, typer.Option(metavar="max|real", help="real: take as long as the recorded run did.")
    ] = "max",
    guest: Annotated[
        Path | None,
        typer.Option("--guest", metavar="FILE", help="The guest, if the trace has only its hash; also:"),
    ] = None,
    bios: Annotated[Path | None, typer.Option(metavar="FILE", help="its firmware,")] = None,
    kernel: Annotated[Path | None, typer.Option(metavar="FILE", help="its kernel,")] = None,
    initrd: Annotated[Path | None, typer.Option(metavar="FILE", help="its initial RAM disk,")] = None,
    disk: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="its disk as it was before the run; repeatable, in order."),
    ] = None,
    report: ReportOption = None,
) -> int:
    """Run what TRACE has recorded once more, and compare.

    The guest's console is stdout.

    Exit status: the recorded run's own where the guest ended, 120 if the replay differs from the trace, 126 if it
    can't be replayed. Of a trace that breaks off all that is whole is replayed: 0.
    """
    from lockstep.cli.replay_session import run_replay_session
    from lockstep.machine.quantities import parse_icount

    if speed not in SPEEDS:
        raise UsageError(f"--speed {speed[:40]!r} is unknown: give max or real")
    first = 0 if from_ is None else parse_icount(from_, "--from")
    last = None if until is None else parse_icount(until, "--until")
    if last is not None and first > last:
        raise UsageError(f"--from {from_} is later than --until {until}: give one that is earlier")
    files = {
        role: path
        for role, path in (("guest", guest), ("bios", bios), ("kernel", kernel), ("initrd", initrd))
        if path is not None
    }
    files |= {f"disk{number}": path for number, path in enumerate(disk or [])}
    return run_replay_session(
        trace, files, from_icount=first, until_icount=last, real_time=speed == "real", report_path=report
    )
