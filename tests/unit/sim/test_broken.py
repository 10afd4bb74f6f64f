"""Each rule is needed, and the simulation would notice if it were broken."""

from __future__ import annotations

import pytest

from lockstep.sim.broken import BROKEN
from lockstep.sim.run import Failure, run_seed

SEEDS_MAX = 1000


@pytest.mark.parametrize("rule", BROKEN)
def test_without_it_there_is_a_counterexample(rule: str) -> None:
    for seed in range(1, SEEDS_MAX + 1):
        verdict = run_seed(seed, BROKEN[rule])
        if verdict.failure is Failure.SAFETY:
            print(f"seed {seed}: {verdict.text}")
            assert run_seed(seed).failure is None, "the same world with the rule in place"
            return
    pytest.fail(f"{SEEDS_MAX} worlds without the {rule} came to no harm")
