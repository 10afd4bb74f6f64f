"""How long the guest stands still when its primary dies, or falls silent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from bench.commands import Run, run_lockstep, running, solo
from bench.processes import hosts_of
from bench.results import CaseResult, MeasurementError, percentile
from bench.settings import Settings

KILLS = 200
RUNS_MAX = 400
RUN_LIMIT_S = 60
LOST_MAX = 5
CRASH_EVERY = "100ms"
HEARTBEAT_LIMIT_MS = 250
CONFIGURATIONS = (("timer", "host"), ("timer", "virtual"), ("compute", "host"), ("compute", "virtual"))
APPEND = {
    "timer": {"host": "seconds=20", "virtual": "seconds=120"},
    "compute": dict.fromkeys(("host", "virtual"), "rounds=60"),
}
SMOKE_APPEND = {
    "timer": {"host": "seconds=1", "virtual": "seconds=20"},
    "compute": dict.fromkeys(("host", "virtual"), "rounds=3"),
}


def measure(result: CaseResult, settings: Settings) -> None:
    """SIGKILL over timer and compute under both clocks, then SIGSTOP."""
    blackouts_ms: list[float] = []
    for guest, clock in CONFIGURATIONS[:: settings.pick(1, 3)]:
        blackouts_ms += _kills(result, settings, guest, clock)
    result.value("SIGKILL, all: blackout", "ms", blackouts_ms)
    result.judge("failover.median", percentile(blackouts_ms, 50))
    result.judge("failover.99th", percentile(blackouts_ms, 99))
    stops_ms = [_stop_primary() for _ in range(settings.pick(10, 1))]
    stopped = result.value("SIGSTOP, timer, host clock: blackout", "ms", stops_ms)
    result.judge("failover.stopped", stopped.max)


def _kills(result: CaseResult, settings: Settings, guest: str, clock: str) -> list[float]:
    """Blackouts in ms of this configuration's share of kills."""
    wanted = settings.pick(KILLS // len(CONFIGURATIONS), 1)
    append = (SMOKE_APPEND if settings.is_smoke else APPEND)[guest][clock]
    failovers: list[dict[str, Any]] = []
    runs: list[Run] = []
    lost = 0
    while len(failovers) < wanted:
        if len(runs) == RUNS_MAX:
            raise MeasurementError(f"{guest}, {clock} clock: {len(failovers)} failovers in {RUNS_MAX} runs")
        options = ("--clock", clock, "--append", append, "--crash-every", CRASH_EVERY)
        try:
            run = run_lockstep(guest, *options, timeout_s=RUN_LIMIT_S)
        except MeasurementError as error:
            # The guest was lost: that is worse than any blackout, and is said; the others still count.
            lost += 1
            result.fail(f"a run of {guest} under kills: {error}")
            if lost == LOST_MAX:
                raise
            continue
        runs.append(run)
        failovers += run.report["failovers"]
    if clock == "virtual":
        expected = solo(guest, append).work
        if any(run.work != expected for run in runs):
            raise MeasurementError(f"{guest}: a run with failovers differs from solo")
        result.work(f"{guest} {append}", expected)
    blackouts_ms = [float(failover["blackout_ms"]) for failover in failovers]
    detect_ms = [float(failover["detect_ms"]) for failover in failovers]
    name = f"SIGKILL, {guest}, {clock} clock"
    result.value(f"{name}: detect", "ms", detect_ms)
    result.value(f"{name}: blackout", "ms", blackouts_ms)
    result.value(f"{name}: blackout, 99th percentile", "ms", [percentile(blackouts_ms, 99)])
    return blackouts_ms


def _stop_primary() -> float:
    """Blackout in ms, from the last sign of life of a primary that is stopped."""
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as directory:
        path = Path(directory) / "report.json"
        arguments = ("timer", "--clock", "host", "--append", "seconds=2", "--report", str(path))
        with running(*arguments, until=b"timer: ") as process:
            primary = hosts_of(process.pid)[0]
            os.kill(primary, signal.SIGSTOP)
            try:
                _wait(process)
            except BaseException:
                os.kill(
                    primary, signal.SIGKILL
                )  # the run went wrong, and a stopped process never ends by itself
                raise
        failovers = json.loads(path.read_text())["failovers"]
    if len(failovers) != 1:
        raise MeasurementError(f"SIGSTOP of the primary came to {len(failovers)} failovers")
    if failovers[0]["detect_ms"] < HEARTBEAT_LIMIT_MS / 2:
        raise MeasurementError(f"SIGSTOP was detected before the heartbeat could: {failovers[0]}")
    return float(failovers[0]["blackout_ms"])


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        status = process.wait(RUN_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise MeasurementError(f"no end {RUN_LIMIT_S} s after SIGSTOP of the primary") from error
    if status != 0:
        raise MeasurementError(f"the run whose primary was stopped ended with status {status}")
