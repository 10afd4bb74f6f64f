"""The options by which a command's guest is chosen, the same wherever there are any."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

GuestArgument = Annotated[
    str | None,
    typer.Argument(metavar="[GUEST]", help="An ELF, a raw image, or a name that `lockstep guests` lists."),
]
MemoryOption = Annotated[
    str | None, typer.Option(metavar="SIZE", help="RAM, as 128M or 2G. [default: 128M; linux: 256M]")
]
HartsOption = Annotated[int, typer.Option(metavar="N", help="Harts, 1 to 8.")]
BiosOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Firmware, as OpenSBI's fw_jump.")]
KernelOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Kernel that the firmware starts.")]
InitrdOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Initial RAM disk.")]
AppendOption = Annotated[str, typer.Option(metavar="STR", help="Arguments of the guest (bootargs).")]
DiskOption = Annotated[
    list[str] | None,
    typer.Option(
        "--disk",
        metavar="FILE[,ro]",
        help="A raw image or block device as the guest's next disk, ro: read-only; repeatable.",
    ),
]
NetOption = Annotated[
    str,
    typer.Option(
        "--net",
        metavar="none|user",
        help="user: the guest reaches the network as a program of yours does, through passt.",
    ),
]
ForwardOption = Annotated[
    list[str] | None,
    typer.Option(
        "--forward",
        metavar="HOST:GUEST",
        help="Lead a TCP port of this machine, [ADDRESS:]PORT (loopback), to the guest's; repeatable.",
    ),
]
InputOption = Annotated[
    Path | None, typer.Option("--input", metavar="FILE", help="Console input. [default: stdin]")
]
TraceOption = Annotated[
    Path | None,
    typer.Option("--trace", metavar="FILE", help="Keep the run's log, for lockstep replay and log."),
]
TraceGuestOption = Annotated[
    str | None,
    typer.Option(
        metavar="content|hash",
        help="What the trace keeps of the guest's files: all, or who replays must have them. [default: content]",
    ),
]
TraceCheckpointOption = Annotated[
    str | None,
    typer.Option(
        "--trace-checkpoint-every",
        metavar="T",
        help="Put the machine's state into the trace every T or, later, every eighth of the run; or off. "
        "[default: 5s]",
    ),
]
ReportOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write what the run came to as JSON.")
]
JournalOption = Annotated[
    Path | None,
    typer.Option("--journal", metavar="FILE", help="Append what happens to the run, and why, as JSON lines."),
]
MetricsOption = Annotated[
    int | None,
    typer.Option(
        "--metrics",
        metavar="PORT",
        help="Serve Prometheus figures on this machine's PORT; 0 picks a free one.",
    ),
]
TimeoutOption = Annotated[float | None, typer.Option(metavar="S", help="End after S seconds (exit 124).")]
