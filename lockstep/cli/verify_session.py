"""One verification from the command line, or one campaign, from its checks to its report and exit status."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockstep.cli.messages import one_line, say
from lockstep.cli.report import check_report_path, make_report, write_report
from lockstep.cli.session import failed_result, prepare
from lockstep.cli.streams import choose_input, write_stdout
from lockstep.errors import InternalError, LockstepError

if TYPE_CHECKING:
    from lockstep.host.result import RunResult
    from lockstep.machine.config import MachineConfig
    from lockstep.machine.loader.place import BootPlan
    from lockstep.verify.campaign import Campaign, CampaignOptions
    from lockstep.verify.pair import VerifyOptions


def run_verify_session(
    config: MachineConfig, options: VerifyOptions, input_file: Path | None, report_path: Path | None
) -> int:
    """Verify the pair, with the guest's console on stdin and stdout; the exit status."""
    from lockstep.ui.divergence import show_divergence
    from lockstep.verify.pair import run_verify

    if report_path is not None:
        check_report_path(report_path)
    source = choose_input(input_file, config.clock)
    plan = _plan(config)
    options = dataclasses.replace(
        options, typed=source.typed, live_input=source.live, write_console=write_stdout
    )
    try:
        result = run_verify(config, options, plan)
    except LockstepError as error:
        _write(report_path, plan, failed_result(error))
        raise
    _write(report_path, plan, result)
    if result.divergence is not None:
        show_divergence(result.divergence, sys.stderr)
    if result.message:
        say(one_line(result.message))
    return result.exit_code


def run_campaign_session(
    config: MachineConfig,
    options: CampaignOptions,
    input_file: Path | None,
    report_path: Path | None,
    plot_path: Path | None,
) -> int:
    """Run a campaign, with its table on stdout; the exit status. InternalError if an error escaped."""
    from lockstep.ui.campaign import show_campaign
    from lockstep.ui.campaign_plot import check_plot, write_plot
    from lockstep.ui.progress import steps_shown
    from lockstep.verify.campaign import check_campaign, run_campaign
    from lockstep.verify.tabulate import complaint, tabulate

    if report_path is not None:
        check_report_path(report_path)
    if plot_path is not None:
        check_plot(plot_path)
    check_campaign(config, options)
    typed = choose_input(input_file, "virtual").typed
    plan = _plan(config)
    say(f"seed {options.seed}")
    with steps_shown() as progress:
        campaign = run_campaign(config, dataclasses.replace(options, typed=typed, progress=progress), plan)
    table = tabulate(campaign)
    show_campaign(table, sys.stdout)
    say(f"{campaign.wall_s:.1f} s, {len(campaign.trials) / campaign.wall_s:.1f} errors a second")
    problem = complaint(table)
    _write(report_path, plan, _result_of(campaign, is_good=not problem), campaign=table)
    if plot_path is not None:
        write_plot(table, plot_path)
    if problem:
        raise InternalError(f"{problem}; --report says which")
    return 0


def _plan(config: MachineConfig) -> BootPlan:
    """What the guest's files come to; native code is compiled once they are known to be good."""
    from lockstep.machine.loader.place import plan_boot

    plan = plan_boot(config)
    prepare()
    return plan


def _write(path: Path | None, plan: BootPlan, result: RunResult, **more: Any) -> None:
    if path is not None:
        write_report(path, make_report(plan.guest_name, plan.guest_sha256, result) | more)


def _result_of(campaign: Campaign, *, is_good: bool) -> RunResult:
    """The run without errors, as a report has it."""
    from lockstep.host.result import ConsoleMeter, RunResult

    reference = campaign.reference
    meter = ConsoleMeter()
    meter.add(reference.ending.console)
    names = {"finished": "exit" if reference.ending.exited else "poweroff", "idle": "idle"}
    return RunResult(
        outcome=names.get(reference.ending.ending, "max-icount"),
        exit_code=0 if is_good else InternalError.exit_code,
        icount=reference.icount,
        wall_s=campaign.wall_s,
        console=meter.report(),
        digest=reference.digest,
    )
