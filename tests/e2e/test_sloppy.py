"""The soft-TLB, settled: a guest that lives on stale translations can't tell how its machine came to where it is.

*sloppy* clears accessed and dirty bits, remaps pages and rewrites code without fences, and hashes what it sees; its
page tables lie in RAM, which the digest covers. Its hosts are stopped for random moments, so that each runs at a pace
of its own, and killed, so that it is cloned at random points.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from faults import SAME, RandomFaults, Rates, law, run_monitor
from pair_runs import Pair, drawn
from programs import bundled

from lockstep.host.options import RunOptions
from lockstep.monitor.pair import PairMonitor

ROUNDS = int(os.environ.get("LOCKSTEP_SLOPPY_ROUNDS", "34"))
"""A round is 80 M instructions, most of a second; the guest's own default is 124."""
RATES = Rates(stop_gap_s_max=0.5, kill_gap_s_max=0.7, killed_in_the_making_chance=0.1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_cloned_and_slowed_at_random_it_ends_as_solo(tmp_path: Path) -> None:
    arguments = f"rounds={ROUNDS}"
    solo_path = tmp_path / "solo.json"
    alone = ("sloppy", "--append", arguments, "--clock", "virtual", "--memory", "32M", "--solo")
    with Pair(*alone, "--report", solo_path) as solo:
        faults = RandomFaults(drawn(), RATES)

        def prepare(monitor: PairMonitor) -> None:
            monitor.executioner = faults

        result = run_monitor(bundled("sloppy", arguments), RunOptions(), prepare)
        assert solo.end(limit_s=800)[0] == 0
    report = json.loads(solo_path.read_text())
    print(
        f"{result.wall_s:.1f} s, {len(result.failovers)} failovers, {len(result.clones)} clones: {faults.done}"
    )
    assert law(result) == {name: report[name] for name in SAME}, result.message
    assert len(result.clones) >= ROUNDS // 2
    assert faults.done["stop, short"] + faults.done["stop, long"] > ROUNDS
