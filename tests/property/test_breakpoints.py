"""A run stops at its breakpoints, each time and nowhere else, and having stopped changes nothing of what follows."""

from __future__ import annotations

import random

import programs
import pytest
import random_programs

from lockstep.machine.breakpoints import Breakpoints
from lockstep.machine.machine import Machine, Stop

Hits = list[tuple[int, int]]
"""Icount and pc of each stop."""


def hits_by_stepping(config: programs.MachineConfig, addresses: set[int]) -> Hits:
    machine, hits, stop = Machine(config), [], Stop.EXACT
    while stop not in programs.ENDS:
        if machine.pc in addresses and (not hits or hits[-1][0] != machine.icount):
            hits.append((machine.icount, machine.pc))
        stop = machine.run(exact_icount=machine.icount + 1, limit=programs.LIMIT)
        machine.drain_console()
    return hits


def hits_by_breakpoints(config: programs.MachineConfig, addresses: set[int]) -> tuple[Hits, programs.End]:
    machine, stop, console = Machine(config), Stop.EXACT, b""
    breakpoints, hits = Breakpoints(machine), []
    first_position = 0
    while stop not in programs.ENDS:
        breakpoints.activate(addresses, first_position)
        stop = machine.run(limit=programs.LIMIT)
        console += machine.drain_console()
        first_position = machine.position + 1
        if stop is Stop.EXACT and machine.pc in addresses:
            hits.append((machine.icount, machine.pc))
    return hits, programs.run_on(machine, console=console)


@pytest.mark.parametrize("harts", [1, 3])
def test_random_programs(harts: int) -> None:
    found = 0
    for seed in range(6000, 6008):
        image = random_programs.random_program(
            seed, random_programs.Kinds(pieces=60, traps_max=40, harts=harts)
        )
        config = programs.machine_config(image, harts=harts)
        draw = random.Random(seed)
        machine = Machine(config)
        visited = set()
        for _ in range(200):
            machine.run(exact_icount=machine.icount + draw.randrange(1, 4), limit=programs.LIMIT)
            visited.add(machine.pc)
        addresses = set(draw.sample(sorted(visited), min(4, len(visited))))
        hits, end = hits_by_breakpoints(config, addresses)
        straight = programs.run_on(Machine(config))
        assert end == straight, f"seed {seed}: {straight.differences(end)}"
        stepped = hits_by_stepping(config, addresses)
        # Stepping sees each icount once, where breakpoints stop after a trap as well, which retires nothing.
        assert [hit for hit in stepped if hit not in hits] == [], f"seed {seed}, {addresses}"
        assert {pc for _, pc in hits} <= addresses
        found += len(hits)
    assert found > 20, f"only {found} stops"
