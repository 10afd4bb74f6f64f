"""A snapshot of a quiet point, restored into a new machine, runs on as the machine that it was taken of."""

from __future__ import annotations

import random

import programs
import pytest
import random_programs

from lockstep.machine.machine import Machine, Stop

FAR = 1 << 40


def machine_of(
    config: programs.MachineConfig, quiet_positions: int, turn_positions: int = 100_000
) -> Machine:
    machine = Machine(config)
    machine.board["quiet_positions"] = machine.board["quiet_at"] = quiet_positions
    machine.board["turn_positions"] = machine.board["turn_end"] = turn_positions
    return machine


def run_in_relay(
    machine: Machine, draw: random.Random, limit: int, chance: float = 0.5
) -> tuple[programs.End, int]:
    """Run to the end; at quiet points, now and then, go on in a new machine. Also returns how often that was."""
    console, moves = b"", 0
    while True:
        stop = machine.run(limit=limit, stop_when_quiet=True)
        console += machine.drain_console()
        if stop is Stop.QUIET and draw.random() < chance:
            snapshot = machine.snapshot()
            machine = Machine(machine.config, boot=False)
            machine.restore(snapshot)
            moves += 1
        if stop is Stop.QUIET:
            stop = machine.run(limit=machine.position + 1)  # a parked machine would be quiet again and again
            console += machine.drain_console()
        if stop in programs.ENDS and not (stop is Stop.REACHED and machine.position < limit):
            return programs.End(stop.name, machine.icount, machine.position, machine.digest(), console), moves


def check(
    seed: int, config: programs.MachineConfig, quiet: int, turn: int, limit: int = programs.LIMIT
) -> int:
    straight = programs.run_on(machine_of(config, quiet, turn), limit=limit)
    relayed, moves = run_in_relay(machine_of(config, quiet, turn), random.Random(seed), limit)
    assert relayed == straight, f"seed {seed}, quiet {quiet}, turn {turn}: {straight.differences(relayed)}"
    return moves


@pytest.mark.parametrize("harts", [1, 2, 4])
def test_random_programs(harts: int) -> None:
    moves = 0
    for seed in range(40):
        image = random_programs.random_program(seed + 5000 * harts, random_programs.Kinds(harts=harts))
        quiet, turn = random.Random(seed).choice(((97, 131), (1000, 50), (333, 1000), (2500, 100_000)))
        moves += check(seed, programs.machine_config(image, harts=harts), quiet, turn)
    assert moves > 40, f"only {moves} snapshots were taken"


BUNDLED = [
    ("sloppy", "rounds=1 passes=8", 1, 200_003, 100_000),
    ("sloppy", "rounds=1 passes=4 fence=0", 1, 50_021, 100_000),
    ("smp", "scale=10", 4, 20_011, 1009),
    ("smp", "scale=10", 8, 70_001, 100_000),
    ("timer", "seconds=1", 1, 2_000_003, 100_000),
    ("paging", "", 1, 5003, 100_000),
    ("clocks", "reads=200", 1, 9001, 100_000),
    ("selftest", "", 1, 10_007, 100_000),
    ("selftest", "", 2, 50_021, 4001),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "append", "harts", "quiet", "turn"), BUNDLED)
def test_bundled_guests(name: str, append: str, harts: int, quiet: int, turn: int) -> None:
    """At about 30 quiet points of each: parked ones, amid stale translations, pending interrupts, locks half taken."""
    config = programs.bundled(name, append, harts=harts)
    straight = programs.run_on(machine_of(config, quiet, turn), limit=FAR)
    chance = min(1.0, 40 * quiet / straight.position)
    relayed, moves = run_in_relay(machine_of(config, quiet, turn), random.Random(quiet), FAR, chance)
    assert relayed == straight, f"{name} {append}: {straight.differences(relayed)}"
    assert straight.stop == "FINISHED"
    assert moves >= 5, f"only {moves} snapshots were taken"
