"""`lockstep run`: run a guest, protected or alone."""

from __future__ import annotations

from typing import Annotated

import typer

from lockstep.cli.guest_arguments import (
    AppendOption,
    BiosOption,
    DiskOption,
    ForwardOption,
    GuestArgument,
    HartsOption,
    InitrdOption,
    InputOption,
    JournalOption,
    KernelOption,
    MemoryOption,
    MetricsOption,
    NetOption,
    ReportOption,
    TimeoutOption,
    TraceCheckpointOption,
    TraceGuestOption,
    TraceOption,
)
from lockstep.errors import UsageError


def run(
    guest: GuestArgument = None,
    solo: Annotated[bool, typer.Option("--solo", help="One machine: no log, no secondary.")] = False,
    memory: MemoryOption = None,
    harts: HartsOption = 1,
    bios: BiosOption = None,
    kernel: KernelOption = None,
    initrd: InitrdOption = None,
    append: AppendOption = "",
    clock: Annotated[
        str, typer.Option(metavar="host|virtual", help="virtual: time is a function of the guest alone.")
    ] = "host",
    disk: DiskOption = None,
    net: NetOption = "none",
    forward: ForwardOption = None,
    channel: Annotated[
        str, typer.Option(metavar="shm|tcp", help="How the log gets from primary to secondary.")
    ] = "shm",
    crash: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHO@WHEN",
            help="Kill that host (primary, secondary) at an icount (5M) or a time (300ms); repeatable.",
        ),
    ] = None,
    crash_every: Annotated[
        str | None, typer.Option(metavar="T", help="Kill a host again and again, in turns, primary first.")
    ] = None,
    crash_unprotected: Annotated[
        bool, typer.Option("--crash-unprotected", help="Let --crash kill the last host as well.")
    ] = False,
    check_every: Annotated[
        str | None,
        typer.Option(metavar="T", help="Compare registers and devices every T, or off. [default: 50ms]"),
    ] = None,
    check_ram_every: Annotated[
        str | None,
        typer.Option(metavar="T", help="Compare all of RAM every T, part by part, or off. [default: 0.8s]"),
    ] = None,
    on_divergence: Annotated[
        str | None,
        typer.Option(
            metavar="stop|reclone",
            help="If the two machines differ: end (exit 120), or make a new secondary. [default: stop]",
        ),
    ] = None,
    inject: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHERE@ICOUNT:BIT",
            help="Flip a bit in the secondary: of a register (x7@10M:13) or of RAM (0x80001000@5M:4); repeatable.",
        ),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="The bare console, on a terminal as well: no live view.")
    ] = False,
    input_file: InputOption = None,
    trace: TraceOption = None,
    trace_guest: TraceGuestOption = None,
    trace_checkpoint_every: TraceCheckpointOption = None,
    report: ReportOption = None,
    journal: JournalOption = None,
    metrics: MetricsOption = None,
    timeout: TimeoutOption = None,
    max_icount: Annotated[
        str | None, typer.Option(metavar="N", help="End after N instructions, as 5M or 1.5G (exit 124).")
    ] = None,
) -> int:
    """Run GUEST on two machines in lockstep; its console is stdout.

    Kill the host of either machine and the guest goes on. On a terminal every key goes to the guest; Ctrl-A X leaves.
    """
    from lockstep.catalog.choice import GuestOptions, choose_machine
    from lockstep.cli.run_options import PairOptions, check_soft_errors, make_options, make_trace_options
    from lockstep.cli.session import run_session

    pair = PairOptions(
        channel=channel,
        crashes=crash or [],
        crash_every=crash_every,
        crash_unprotected=crash_unprotected,
        check_every=check_every,
        check_ram_every=check_ram_every,
        on_divergence=on_divergence,
        soft_errors=inject or [],
    )
    if solo and metrics is not None:
        raise UsageError("--metrics is about a pair: leave --solo or --metrics out")
    options = make_options(
        pair, solo=solo, timeout_s=timeout, max_icount=max_icount, forwards=forward or [], net=net
    )
    trace_options = make_trace_options(trace, trace_guest, trace_checkpoint_every)
    config = choose_machine(
        GuestOptions(
            guest=guest,
            memory=memory,
            harts=harts,
            bios=bios,
            kernel=kernel,
            initrd=initrd,
            append=append,
            clock=clock,
            disks=tuple(disk or ()),
            net=net,
        )
    )
    check_soft_errors(options, config)
    return run_session(
        config,
        options,
        solo=solo,
        input_file=input_file,
        report_path=report,
        trace=trace_options,
        plain=plain,
        journal_path=journal,
        metrics_port=metrics,
    )
