"""The table of a campaign, by kind of target: what the study of lockstep processors publishes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from lockstep.verify.campaign import Campaign
from lockstep.verify.draw import SHARES
from lockstep.verify.reference import RAM_EVERY_CHECKS
from lockstep.verify.trial import OUTCOMES, Trial

TOTAL = "all"


def tabulate(campaign: Campaign) -> dict[str, Any]:
    """As reports have it. The same for the same guest, input, seed and count, but for `wall_s`."""
    trials = campaign.trials
    reference = campaign.reference
    kinds = [kind for kind in SHARES if any(trial.kind == kind for trial in trials)]
    rows = [_row(kind, [trial for trial in trials if trial.kind == kind]) for kind in kinds]
    return {
        "seed": campaign.seed,
        "count": len(trials),
        "guest_icount": reference.icount,
        "check_every": reference.every,
        "ram_check_every": reference.every * RAM_EVERY_CHECKS,
        "rows": [*rows, _row(TOTAL, trials)],
        "trials": [dataclasses.asdict(trial) for trial in trials],
        "wall_s": campaign.wall_s,
    }


def _row(kind: str, trials: Sequence[Trial]) -> dict[str, Any]:
    detected = [trial for trial in trials if trial.fate == "detected"]
    latencies = sorted(trial.latency for trial in detected)
    return {
        "kind": kind,
        "trials": len(trials),
        "masked": sum(trial.fate == "masked" for trial in trials),
        "detected": len(detected),
        "undetected": sum(trial.fate == "undetected" for trial in trials),
        "located": sum(trial.is_located for trial in detected),
        "latency_median": percentile(latencies, 50),
        "latency_p99": percentile(latencies, 99),
        "outcomes": {outcome: sum(trial.outcome == outcome for trial in trials) for outcome in OUTCOMES},
    }


def percentile(values: Sequence[int], percent: int) -> int | None:
    """The smallest of `values`, which are sorted, that `percent` of them don't exceed; None if there are none."""
    return values[max(-(-len(values) * percent // 100) - 1, 0)] if values else None


def complaint(table: dict[str, Any]) -> str:
    """One line if an error was neither masked nor detected, or not located where it struck; else empty."""
    total = table["rows"][-1]
    problems = []
    if total["undetected"]:
        problems.append(f"{total['undetected']} were neither masked nor detected")
    if total["located"] != total["detected"]:
        problems.append(f"{total['detected'] - total['located']} were not located where they struck")
    return f"of {total['trials']} errors, {' and '.join(problems)}" if problems else ""
