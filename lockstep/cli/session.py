"""One run from the command line, from its checks to its report and exit status."""

from __future__ import annotations

import dataclasses
import gc
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from lockstep.cli.messages import one_line, say
from lockstep.cli.report import check_report_path, make_report, write_report
from lockstep.cli.run_journal import open_journal
from lockstep.cli.run_metrics import open_metrics
from lockstep.cli.streams import choose_input, write_stdout
from lockstep.cli.view import viewed
from lockstep.errors import LockstepError

if TYPE_CHECKING:
    from lockstep.host.options import RunOptions, TraceOptions
    from lockstep.host.result import RunResult
    from lockstep.machine.config import MachineConfig
    from lockstep.machine.loader.place import BootPlan
    from lockstep.monitor.status import Observer, StatusSource


def run_session(
    config: MachineConfig,
    options: RunOptions,
    *,
    solo: bool,
    input_file: Path | None,
    report_path: Path | None,
    trace: TraceOptions | None = None,
    plain: bool = True,
    journal_path: Path | None = None,
    metrics_port: int | None = None,
) -> int:
    """Run the guest with its console on stdin and stdout; its exit status. LockstepError if that fails.

    On a terminal a live view shows the pair as well, unless the user wants the console `plain`.
    """
    if report_path is not None:
        check_report_path(report_path)
    source = choose_input(input_file, config.clock)
    options = dataclasses.replace(
        options, typed=source.typed, live_input=source.live, write_console=write_stdout, say=say
    )
    # What can be wrong with a guest's files is found before anything is compiled.
    from lockstep.machine.loader.place import plan_boot

    plan = plan_boot(config)
    with (
        open_journal(journal_path, config, options, plan.guest_name, solo=solo) as journal,
        open_metrics(metrics_port) as metrics,
    ):
        prepare()
        if trace is not None:
            from lockstep.host.trace_file import open_trace

            options = dataclasses.replace(options, trace=open_trace(trace, plan))
        try:
            with viewed(plan.guest_name, options, plain=plain or solo) as run:
                result = _run(
                    config, run.options, plan, [*run.observers, *metrics, journal.observe], solo=solo
                )
                journal.ended(result)
        except LockstepError as error:
            journal.failed(error)
            if report_path is not None:
                write_report(
                    report_path, make_report(plan.guest_name, plan.guest_sha256, failed_result(error))
                )
            raise
    if report_path is not None:
        write_report(report_path, make_report(plan.guest_name, plan.guest_sha256, result))
    run.summarize(result)
    if result.message:
        say(one_line(result.message))
    return result.exit_code


def prepare() -> None:
    """Have native code compiled; says so when that takes its time."""
    from lockstep.machine.compiled import ensure_compiled

    ensure_compiled(_announce_compilation, _compile_all, say)


def _announce_compilation() -> AbstractContextManager[None]:
    from lockstep.ui.progress import step_shown

    return step_shown("compiling native code (first run only)")


def _compile_all() -> None:
    from lockstep.host.warm_up import warm_up

    warm_up()


def failed_result(error: LockstepError) -> RunResult:
    """What a run came to that failed with `error`."""
    from lockstep.host.result import RunResult

    return RunResult(
        outcome="no-host" if error.exit_code == 121 else "error",
        exit_code=error.exit_code,
        icount=None,
        wall_s=0.0,
        console={"bytes": None, "xxh3_128": None},
        digest=None,
    )


def _run(
    config: MachineConfig, options: RunOptions, plan: BootPlan, observers: list[Observer], *, solo: bool
) -> RunResult:
    if solo:
        from lockstep.host.solo import run_solo

        collect_no_imports()
        return run_solo(config, options, plan)
    from lockstep.monitor.pair import run_pair

    collect_no_imports()

    def observe(source: StatusSource) -> None:
        for observer in observers:
            observer(source)

    return run_pair(config, options, observer=observe)


def collect_no_imports() -> None:
    """From here on Python looks for garbage again, but not among what is there already."""
    gc.freeze()
    gc.enable()
