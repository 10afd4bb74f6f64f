"""With the translations that harts know, a snapshot of any place runs on as the machine that it was taken of."""

from __future__ import annotations

import random

import programs
import pytest
import random_programs

from lockstep.machine.machine import Machine
from lockstep.machine.translations import keep_translations, remember_translations

HOPS = 12


def moved(machine: Machine) -> Machine:
    """A new machine that is the same."""
    translations, snapshot = keep_translations(machine.wires), machine.snapshot()
    other = Machine(machine.config, boot=False)
    other.restore(snapshot)
    remember_translations(other.wires, translations)
    other.control["after_block"] = machine.control["after_block"]
    return other


def run_in_hops(machine: Machine, stops: list[int]) -> programs.End:
    console = b""
    for icount in stops:
        while machine.icount < icount:
            stop = machine.run(exact_icount=icount, limit=programs.LIMIT)
            console += machine.drain_console()
            if stop in programs.ENDS:
                break
        machine = moved(machine)
    return programs.run_on(machine, console=console)


@pytest.mark.parametrize("harts", [1, 2])
def test_random_programs(harts: int) -> None:
    for seed in range(7000 * harts, 7000 * harts + 24):
        image = random_programs.random_program(seed, random_programs.Kinds(harts=harts))
        config = programs.machine_config(image, harts=harts)
        straight = programs.run_on(Machine(config))
        draw = random.Random(seed)
        stops = sorted(draw.randrange(straight.icount + 1) for _ in range(HOPS))
        hopped = run_in_hops(Machine(config), stops)
        assert hopped == straight, f"seed {seed}, stops {stops}: {straight.differences(hopped)}"


BUNDLED = [("paging", "", 1), ("selftest", "", 2), ("sloppy", "rounds=1 passes=4 fence=0", 1)]


@pytest.mark.parametrize(("name", "append", "harts"), BUNDLED)
def test_bundled_guests(name: str, append: str, harts: int) -> None:
    config = programs.bundled(name, append, harts=harts)
    straight = programs.run_on(Machine(config), limit=1 << 40)
    draw = random.Random(name)
    machine, console = Machine(config), b""
    for icount in sorted(draw.randrange(straight.icount) for _ in range(HOPS)):
        while machine.icount < icount:
            machine.run(exact_icount=icount)
            console += machine.drain_console()
        machine = moved(machine)
    hopped = programs.run_on(machine, console=console, limit=1 << 40)
    assert hopped == straight, straight.differences(hopped)
