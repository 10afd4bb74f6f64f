"""How many simulated worlds `lockstep sim` tries in a minute, on one core."""

from __future__ import annotations

from bench.commands import COMMAND, time_process
from bench.results import CaseResult
from bench.settings import Settings


def measure(result: CaseResult, settings: Settings) -> None:
    """The same seeds each time; all of them pass, or the run fails."""
    seeds = settings.pick(200, 10)
    per_minute = []
    for _ in range(settings.rounds(full=3)):
        timed = time_process([*COMMAND, "sim", "--seed", "1", "--count", str(seeds)])
        per_minute.append(seeds / timed.whole_s * 60)
    result.work("sim", seeds)
    found = result.value("lockstep sim, whole process", "1/min", per_minute)
    result.judge("sim.seeds", found.median)
