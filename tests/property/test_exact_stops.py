"""`run(exact_icount=n)` stops at n wherever that falls, and having stopped changes nothing of what follows."""

from __future__ import annotations

import random

import programs
import pytest
import random_programs

from lockstep.machine.machine import Machine, Stop

BATCH = 40


def check(seed: int, config: programs.MachineConfig, stops_count: int) -> None:
    straight = programs.run_on(Machine(config))
    draw = random.Random(seed)
    stops = [draw.randrange(straight.icount + 1) for _ in range(stops_count)]
    stopped = programs.run_on(Machine(config), exact_stops=stops)
    assert stopped == straight, f"seed {seed}, stops {sorted(stops)}: {straight.differences(stopped)}"


@pytest.mark.parametrize("first", range(0, 400, BATCH))
def test_stops_change_nothing(first: int) -> None:
    for seed in range(first, first + BATCH):
        check(seed, programs.machine_config(random_programs.random_program(seed)), stops_count=30)


@pytest.mark.parametrize("harts", [2, 3, 8])
def test_stops_change_nothing_on_several_harts(harts: int) -> None:
    for seed in range(1000, 1010):
        image = random_programs.random_program(seed, random_programs.Kinds(harts=harts))
        check(seed, programs.machine_config(image, harts=harts), stops_count=20)


def test_every_single_stop() -> None:
    """Stepping from end to end, one instruction at a time."""
    for seed in range(2000, 2006):
        config = programs.machine_config(
            random_programs.random_program(seed, random_programs.Kinds(pieces=60, traps_max=60))
        )
        straight = programs.run_on(Machine(config))
        stepped = programs.run_on(Machine(config), exact_stops=range(1, min(straight.icount, 4000)))
        assert stepped == straight, f"seed {seed}: {straight.differences(stepped)}"


def test_limits_change_nothing() -> None:
    """Stops at natural block starts, close together, nothing changes either."""
    for seed in range(3000, 3040):
        config = programs.machine_config(random_programs.random_program(seed))
        straight = programs.run_on(Machine(config))
        machine, draw, console = Machine(config), random.Random(seed), b""
        while machine.run(limit=machine.position + draw.randrange(1, 200)) == Stop.REACHED:
            console += machine.drain_console()
            if machine.position >= programs.LIMIT:
                break
        stopped = programs.run_on(machine, console=console + machine.drain_console())
        assert stopped == straight, f"seed {seed}: {straight.differences(stopped)}"
