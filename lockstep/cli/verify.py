"""`lockstep verify`: is the pair really one machine, and if not, since which instruction?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lockstep.cli.guest_arguments import (
    AppendOption,
    BiosOption,
    DiskOption,
    GuestArgument,
    HartsOption,
    InitrdOption,
    InputOption,
    KernelOption,
    MemoryOption,
    ReportOption,
    TimeoutOption,
)
from lockstep.errors import UsageError


def verify(
    guest: GuestArgument = None,
    memory: MemoryOption = None,
    harts: HartsOption = 1,
    bios: BiosOption = None,
    kernel: KernelOption = None,
    initrd: InitrdOption = None,
    append: AppendOption = "",
    clock: Annotated[
        str | None,
        typer.Option(metavar="host|virtual", help="As for run. [default: host; with --campaign: virtual]"),
    ] = None,
    disk: DiskOption = None,
    net: Annotated[str, typer.Option("--net", hidden=True)] = "none",
    inject: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHERE@ICOUNT:BIT",
            help="Flip a bit in the tested machine: x7@10M:13, fa0@5M:3, mepc@1K:2, 0x80001000@5M:4; "
            "hart1.x7@... for another hart than 0; repeatable. Compared right there, too.",
        ),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Compare this often, in instructions. [default: 10M; with --campaign: a hundredth of the guest]",
        ),
    ] = None,
    campaign: Annotated[
        int | None,
        typer.Option(metavar="N", help="Instead: inject N random soft errors, tabulate their fates."),
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="S", help="Of the campaign. [default: random]")] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the campaign: .svg, .png, .pdf (needs the extra `plots`)."),
    ] = None,
    input_file: InputOption = None,
    report: ReportOption = None,
    timeout: TimeoutOption = None,
    max_icount: Annotated[
        str | None, typer.Option(metavar="N", help="Look no further than N instructions (exit 0).")
    ] = None,
) -> int:
    """Find the first instruction after which two machines differ.

    GUEST runs on two machines that are compared often; at a mismatch the search goes back to the last equal state.

    Exit status: 0 if they are equal to the end (whatever the guest's own status is), 120 if they differ. With
    --campaign: 0 if every error was masked, or detected and located; else 125.
    """
    from lockstep.catalog.choice import GuestOptions, choose_machine
    from lockstep.cli.run_options import check_timeout
    from lockstep.cli.verify_session import run_campaign_session, run_verify_session
    from lockstep.machine.quantities import parse_icount
    from lockstep.machine.soft_error import parse_soft_error
    from lockstep.verify.campaign import CampaignOptions
    from lockstep.verify.pair import EVERY_DEFAULT, VerifyOptions

    if net != "none":
        raise UsageError("verify knows no network, as what comes from there comes only once: leave --net out")
    is_campaign = campaign is not None
    if is_campaign and (inject or timeout is not None):
        raise UsageError(
            "--campaign draws its own errors and ends by itself: leave --inject and --timeout out"
        )
    if not is_campaign and (seed is not None or plot is not None):
        raise UsageError("--seed and --plot belong to a campaign: give --campaign N as well")
    errors = tuple(parse_soft_error(text) for text in inject or [])
    every_icount = None if every is None else parse_icount(every, "--every")
    icount_bound = None if max_icount is None else parse_icount(max_icount, "--max-icount")
    timeout_s = check_timeout(timeout)
    config = choose_machine(
        GuestOptions(
            guest=guest,
            memory=memory,
            harts=harts,
            bios=bios,
            kernel=kernel,
            initrd=initrd,
            append=append,
            clock=clock or ("virtual" if is_campaign else "host"),
            disks=tuple(disk or ()),
        )
    )
    if campaign is not None:
        options = CampaignOptions(
            count=campaign, seed=_seed(seed), every=every_icount, max_icount=icount_bound
        )
        return run_campaign_session(config, options, input_file, report, plot)
    pair = VerifyOptions(
        every=EVERY_DEFAULT if every_icount is None else every_icount,
        errors=errors,
        timeout_s=timeout_s,
        max_icount=icount_bound,
    )
    return run_verify_session(config, pair, input_file, report)


def _seed(seed: int | None) -> int:
    import random

    return random.SystemRandom().randrange(1 << 32) if seed is None else seed
