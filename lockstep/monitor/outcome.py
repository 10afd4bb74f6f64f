"""What a run of a pair came to, from what its monitor knows at the end."""

from __future__ import annotations

from collections.abc import Iterator

from lockstep.host.result import OUTCOME_EXIT_CODES, ConsoleMeter, RunResult
from lockstep.log.layout import ENTRY_SIZE
from lockstep.monitor.ending import OUTCOMES
from lockstep.monitor.supervisor import Supervisor


def outcome_of(supervisor: Supervisor) -> tuple[str, int]:
    """The run's outcome and exit status."""
    ending, ended = supervisor.ending, supervisor.ending.ended
    reason = ending.reason
    if ended is None or reason == "divergence" or (reason is not None and not supervisor.is_all_written):
        return reason or "error", OUTCOME_EXIT_CODES[reason or "error"]
    if ended.stop == "FINISHED":
        return ("exit" if ended.exited else "poweroff"), ended.exit_code
    outcome = OUTCOMES.get(ended.stop, ended.stop)
    return outcome, OUTCOME_EXIT_CODES[outcome]


def result_of(supervisor: Supervisor, console: ConsoleMeter, crashes_left: int, now_s: float) -> RunResult:
    """The whole result; `crashes_left` were scheduled and did not come about."""
    ending, ended, protector = supervisor.ending, supervisor.ending.ended, supervisor.protector
    divergences = supervisor.divergences
    outcome, exit_code = outcome_of(supervisor)
    message = ending.mismatch or ""
    if outcome == "no-host":
        message = "no host is left to run the guest"
    elif ended is not None and not supervisor.is_all_written:
        message = "the last output could not be written: nobody reads it"
    elif protector.trouble and not message:
        message = f"no secondary could be made any more: {protector.trouble}"
    elif not message:
        message = "; ".join(_did_not_come_about(crashes_left, protector.soft_errors))
    log = None
    if ended is not None:
        entries = sum(ended.log.values())
        log = {"entries": entries, "bytes": ended.log_bytes + entries * ENTRY_SIZE, "kinds": ended.log}
    started_at_s, last_s = supervisor.started_at_s, ended.at_s if ended is not None else now_s
    return RunResult(
        outcome=outcome,
        exit_code=exit_code,
        icount=ended.icount if ended is not None else None,
        wall_s=max(last_s - started_at_s, 0.0) if started_at_s is not None else 0.0,
        console=console.report(),
        digest=ended.digest if ended is not None else None,
        log=log,
        checks={"compared": divergences.compared, "mismatched": divergences.mismatched},
        failovers=protector.failovers,
        clones=protector.clones,
        divergence=divergences.first,
        message=message,
    )


def _did_not_come_about(crashes: int, soft_errors: list[str]) -> Iterator[str]:
    if crashes:
        yield f"{crashes} scheduled crash(es) did not come about before the end"
    if soft_errors:
        yield f"no secondary came to where {', '.join(soft_errors)} was to be injected"
