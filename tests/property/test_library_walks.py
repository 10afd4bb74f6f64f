"""Walking about in a recorded run: a place is the same from whichever side it is come to."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import programs
import pytest
import random_programs
from trace_files import record

from lockstep import Trace

WALKS = 12


@pytest.mark.parametrize("harts", [1, 2])
def test_random_programs(harts: int, tmp_path: Path) -> None:
    for seed in range(9500 * harts, 9500 * harts + 6):
        path = tmp_path / f"{seed}.lst"
        image = random_programs.random_program(seed, random_programs.Kinds(harts=harts))
        config = dataclasses.replace(programs.machine_config(image, harts=harts), clock="host")
        recorded = record(path, config, live=b"typed", positions_max=programs.LIMIT)
        draw = random.Random(seed)
        with Trace(path) as trace:
            straight, walker = trace.at(0), trace.at(0)
            length = recorded.end.icount
            assert length is not None
            for icount in sorted(draw.randrange(length) for _ in range(WALKS)):
                straight.run_until(icount=icount)
                match draw.randrange(4):
                    case 0:
                        walker = trace.at(icount)
                    case 1:
                        beyond = min(icount + draw.randrange(1, 500), length)
                        walker = trace.at(beyond)
                        walker.step_back(beyond - icount)
                    case 2:
                        walker.run_until(icount=icount, pc=straight.pc)
                        walker.run_until(icount=icount)
                    case 3:
                        walker = straight.copy()
                assert not walker.diff(straight), f"seed {seed}, icount {icount}:\n{walker.diff(straight)}"
            for machine in (straight, walker):
                machine.run()
                assert (machine.icount, machine.digest()) == (length, recorded.end.digest), f"seed {seed}"
