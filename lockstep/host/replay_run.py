"""One replay from its start to its end: paced or not, compared with how the recorded run ended."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from lockstep.host.divergence import MachinesDifferError, divergence_message
from lockstep.host.ending_signals import on_ending_signals
from lockstep.host.entries import entry_counts
from lockstep.host.recorded_pace import RecordedPace
from lockstep.host.replay import Replayer
from lockstep.host.result import OUTCOME_EXIT_CODES, ConsoleMeter, RunResult
from lockstep.log.layout import ENTRY_SIZE
from lockstep.log.trace.description import End

UNTIL, TRUNCATED = "until", "truncated"
"""Outcomes that only a replay has: it was to stop there; the trace breaks off there."""
DIVERGENCE_FIELDS = ("icount", "pc", "what", "expected", "actual", "disassembly")
_ENDED_ALIKE = ("poweroff", "exit", "idle", "max-icount")


@dataclasses.dataclass(frozen=True)
class ReplayOptions:
    """What to replay."""

    from_icount: int = 0
    """Where the console starts to be shown."""
    until_icount: int | None = None
    """Where to stop, exactly; None: at the trace's end."""
    real_time: bool = False
    """Whether to take as long as the recorded run did."""
    write_console: Callable[[bytes], None] = lambda data: None


def run_replay(replayer: Replayer, options: ReplayOptions) -> RunResult:
    """Replay to the end, or as far as `options` say. For the main thread: signals that end a program end the replay."""
    return _Replay(replayer, options).run()


class _Replay:
    def __init__(self, replayer: Replayer, options: ReplayOptions) -> None:
        self._replayer, self._options = replayer, options
        self._meter = ConsoleMeter()
        self._divergence: dict[str, object] | None = None
        self._is_interrupted = False
        self._start_s = time.monotonic()

    def run(self) -> RunResult:
        """To its result."""
        try:
            with on_ending_signals(_interrupt):
                outcome = self._run()
        except KeyboardInterrupt:
            outcome, self._is_interrupted = "interrupted", True
        except MachinesDifferError as difference:
            outcome = "divergence"
            message = divergence_message(self._replayer.machine, difference, self._replayer.checks)
            self._divergence = {field: getattr(message, field) for field in DIVERGENCE_FIELDS}
        return self._result(outcome, time.monotonic() - self._start_s)

    def _run(self) -> str:
        replayer, options = self._replayer, self._options
        if options.from_icount:
            replayer.run_until(options.from_icount)
        replayer.on_console = self._show
        pace = RecordedPace(replayer.trace, replayer.position) if options.real_time else None
        if pace is not None:
            replayer.stretch_positions = pace.STRETCH_POSITIONS
        is_there = replayer.run_until(
            options.until_icount, before_console=None if pace is None else pace.wait
        )
        if options.until_icount is not None and is_there and not replayer.is_at_end:
            return UNTIL
        end = replayer.trace.end
        if end is None:
            return replayer.outcome if replayer.has_ended else TRUNCATED
        self._compare_end(end)
        return end.outcome

    def _show(self, data: bytes) -> None:
        self._options.write_console(data)
        self._meter.add(data)

    def _compare_end(self, end: End) -> None:
        replayer, machine = self._replayer, self._replayer.machine
        console_bytes, shown = int(machine.board["console_bytes"]), self._meter.report()
        pairs = [
            ("icount", end.icount, machine.icount),
            ("digest", end.digest, machine.digest()),
            ("console_bytes", end.console_bytes, console_bytes),
        ]
        if shown["bytes"] == console_bytes:
            pairs.append(("console", end.console_xxh3_128, shown["xxh3_128"]))
        if replayer.has_ended:
            pairs.append(("outcome", end.outcome, replayer.outcome))
            pairs.append(("exit_code", end.exit_code, machine.exit_code))
        for what, expected, actual in pairs:
            if expected is not None and expected != actual:
                raise MachinesDifferError(what, str(expected), str(actual))
        replayer.checks += 1

    def _result(self, outcome: str, wall_s: float) -> RunResult:
        replayer, machine = self._replayer, self._replayer.machine
        counts = entry_counts(machine)
        entries = sum(counts.values())
        log_bytes = int(machine.control["entry_bytes"]) + entries * ENTRY_SIZE
        return RunResult(
            outcome=outcome,
            exit_code=self._exit_code(outcome),
            icount=machine.icount,
            wall_s=wall_s,
            console=self._meter.report(),
            digest=machine.digest(),
            log={"entries": entries, "bytes": log_bytes, "kinds": counts},
            checks={"compared": replayer.checks, "mismatched": int(self._divergence is not None)},
            divergence=self._divergence,
            message=self._message(outcome),
        )

    def _exit_code(self, outcome: str) -> int:
        """The recorded run's own, where the guest made it; 0 where all that there was has been replayed."""
        if self._replayer.has_ended and self._replayer.outcome != "idle" and outcome != "divergence":
            return self._replayer.machine.exit_code
        if self._is_interrupted or outcome in ("divergence", "max-icount"):
            return OUTCOME_EXIT_CODES[outcome]
        return 0

    def _message(self, outcome: str) -> str:
        replayer, trace, until = self._replayer, self._replayer.trace, self._options.until_icount
        here = f"icount {replayer.icount:,}"
        if self._divergence is not None:
            found = self._divergence
            return f"the replay differs from the trace at {here}, pc {found['pc']:#x}: {found['what']}"
        if self._is_interrupted:
            return ""
        if trace.end is None and outcome != UNTIL:
            lost = trace.size_bytes - trace.whole_bytes
            return f"the trace breaks off at {here}" + (
                f"; its last {lost:,} bytes are no whole frame" if lost else ""
            )
        if until is not None and outcome != UNTIL and replayer.icount < until:
            return f"the trace ends at {here}, before --until {until:,}"
        if outcome not in (*_ENDED_ALIKE, UNTIL):
            return f"the trace ends at {here}: the outcome of the recorded run was {outcome}"
        return ""


def _interrupt() -> None:
    """Between two runs of the machine."""
    raise KeyboardInterrupt
