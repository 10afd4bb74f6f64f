"""One replay from the command line, from its checks to its report and exit status."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lockstep.cli.messages import one_line, say
from lockstep.cli.report import check_report_path, make_report, write_report
from lockstep.cli.session import collect_no_imports, failed_result, prepare
from lockstep.cli.streams import write_stdout
from lockstep.errors import LockstepError, UsageError

if TYPE_CHECKING:
    from lockstep.host.result import RunResult
    from lockstep.log.trace.reader import TraceReader


def run_replay_session(
    path: Path,
    files: Mapping[str, Path],
    *,
    from_icount: int,
    until_icount: int | None,
    real_time: bool,
    report_path: Path | None,
) -> int:
    """Replay the trace at `path` with its console on stdout; the exit status."""
    if report_path is not None:
        check_report_path(report_path)
    # The trace is looked at before anything is compiled.
    from lockstep.log.trace.reader import TraceReader

    with TraceReader(path) as trace:
        trace.verify()
        end = trace.end
        if end is not None and end.icount is not None and from_icount > end.icount:
            raise UsageError(f"--from {from_icount} lies behind the end of the trace, icount {end.icount}")
        try:
            result = _replay(trace, files, from_icount, until_icount, real_time=real_time)
        except LockstepError as error:
            _write(report_path, trace, failed_result(error))
            raise
        _write(report_path, trace, result)
    if result.message:
        say(one_line(result.message))
    elif sys.stderr.isatty() and result.checks is not None:
        say(f"replayed {result.icount:,} instructions: equal in all {result.checks['compared']} comparisons")
    return result.exit_code


def _replay(
    trace: TraceReader,
    files: Mapping[str, Path],
    from_icount: int,
    until_icount: int | None,
    *,
    real_time: bool,
) -> RunResult:
    from lockstep.host.recorded_guest import recorded_config

    config = recorded_config(trace, files)
    prepare()
    from lockstep.host.replay import Replayer
    from lockstep.host.replay_run import ReplayOptions, run_replay

    replayer = Replayer(trace, config=config, from_icount=from_icount)
    collect_no_imports()
    options = ReplayOptions(
        from_icount=from_icount, until_icount=until_icount, real_time=real_time, write_console=write_stdout
    )
    return run_replay(replayer, options)


def _write(report_path: Path | None, trace: TraceReader, result: RunResult) -> None:
    if report_path is not None:
        description = trace.description
        write_report(report_path, make_report(description.guest_name, description.guest_sha256, result))
