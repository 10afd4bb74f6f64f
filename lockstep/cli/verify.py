"""`lockstep verify`: is the pair really one machine, and if not, since which instruction?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lockstep.cli.guest_arguments import (
    AppendOption,
    BiosOption,
    GuestArgument,
    HartsOption,
    InitrdOption,
    InputOption,
    KernelOption,
    MemoryOption,
    ReportOption,
    TimeoutOption,
)

if TYPE_CHECKING:
    from lockstep.machine.config import MachineConfig
    from lockstep.machine.loader.place import BootPlan
    from lockstep.verify.pair import VerifyOptions


def verify(
    guest: GuestArgument = None,
    memory: MemoryOption = None,
    harts: HartsOption = 1,
    bios: BiosOption = None,
    kernel: KernelOption = None,
    initrd: InitrdOption = None,
    append: AppendOption = "",
    clock: Annotated[str, typer.Option(metavar="host|virtual", help="As for run.")] = "host",
    inject: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHERE@ICOUNT:BIT",
            help="Flip a bit in the tested machine: x7@10M:13, fa0@5M:3, mepc@1K:2, 0x80001000@5M:4; "
            "hart1.x7@... for another hart than 0; repeatable. Compared right there, too.",
        ),
    ] = None,
    every: Annotated[
        str, typer.Option(metavar="N", help="Compare all of both machines this often, in instructions.")
    ] = "10M",
    input_file: InputOption = None,
    report: ReportOption = None,
    timeout: TimeoutOption = None,
    max_icount: Annotated[
        str | None, typer.Option(metavar="N", help="Look no further than N instructions (exit 0).")
    ] = None,
) -> int:
    """Run GUEST on two machines that are compared often; find the first instruction after which they differ.

    Exit status: 0 if they are equal to the end (whatever the guest's own status is), 120 if they differ.
    """
    from lockstep.cli.guest_choice import GuestOptions, choose_machine
    from lockstep.cli.run_options import check_timeout
    from lockstep.machine.quantities import parse_icount
    from lockstep.machine.soft_error import parse_soft_error
    from lockstep.verify.pair import VerifyOptions

    options = VerifyOptions(
        every=parse_icount(every, "--every"),
        errors=tuple(parse_soft_error(text) for text in inject or []),
        timeout_s=check_timeout(timeout),
        max_icount=None if max_icount is None else parse_icount(max_icount, "--max-icount"),
    )
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
        )
    )
    return _verify(config, options, input_file, report)


def _verify(
    config: MachineConfig, options: VerifyOptions, input_file: Path | None, report_path: Path | None
) -> int:
    import dataclasses

    from lockstep.cli.messages import one_line, say
    from lockstep.cli.report import check_report_path, make_report, write_report
    from lockstep.cli.session import prepare
    from lockstep.cli.streams import choose_input, write_stdout
    from lockstep.machine.loader.place import plan_boot
    from lockstep.ui.divergence import show_divergence
    from lockstep.verify.pair import run_verify

    if report_path is not None:
        check_report_path(report_path)
    source = choose_input(input_file, config.clock)
    options = dataclasses.replace(
        options, typed=source.typed, live_input=source.live, write_console=write_stdout
    )
    plan: BootPlan = plan_boot(config)
    prepare()
    result = run_verify(config, options, plan)
    if report_path is not None:
        write_report(report_path, make_report(plan.guest_name, plan.guest_sha256, result))
    if result.divergence is not None:
        show_divergence(result.divergence, sys.stderr)
    if result.message:
        say(one_line(result.message))
    return result.exit_code
