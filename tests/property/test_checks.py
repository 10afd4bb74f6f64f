"""Checks find every difference and change nothing, however often they are made."""

from __future__ import annotations

import dataclasses
import random

import assembler
import programs
import pytest
import random_programs
from pair_in_process import FollowingHost, LedGuest, end_of

from lockstep.host.entries import entry_counts
from lockstep.host.messages import Injected
from lockstep.host.options import CheckIntervals
from lockstep.log.entry import CHECK, END
from lockstep.machine.machine import Machine
from lockstep.machine.registers import REGISTERS
from lockstep.machine.soft_error import SoftError

FIRST_SEED = 40_000


def random_intervals(draw: random.Random) -> CheckIntervals:
    every_s = draw.choice((1e-9, 1e-4, 1e-3))
    return CheckIntervals(every_s=every_s, ram_every_s=draw.choice((None, every_s * 10, 1e-9)))


@pytest.mark.parametrize(("harts", "count"), [(1, 48), (2, 8), (8, 4)])
def test_a_pair_with_checks_is_as_a_machine_without(harts: int, count: int) -> None:
    checks = 0
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        kinds = random_programs.Kinds(harts=harts)
        config = programs.machine_config(random_programs.random_program(seed, kinds), harts=harts)
        straight = programs.run_on(Machine(config))
        draw = random.Random(seed)
        led = LedGuest(config, random_intervals(draw), kicks=draw)
        following = FollowingHost(led)
        assert following.found is None, f"seed {seed}: {following.found}"
        for end in (led.end, end_of(following.host)):
            assert end == straight, f"seed {seed}: {straight.differences(end)}"
        checks += following.host.checks
    print(f"{checks} checks")
    assert checks > 100 * count


def test_a_guest_that_waits_is_the_same_machine_wherever_its_primary_was_kicked() -> None:
    """Where a primary is kicked as it wakes, it has noticed that already: a secondary that stops there has not."""
    config = dataclasses.replace(programs.bundled("timer", "seconds=1"), clock="host")
    led = LedGuest(config, CheckIntervals(1e-9, 0.01), positions_max=1 << 62, kicks=random.Random(3))
    following = FollowingHost(led)
    print(entry_counts(following.host.machine))
    assert following.found is None
    assert entry_counts(following.host.machine)["clock"] > 50
    assert following.host.checks > 100


def suffer(led: LedGuest, error: SoftError) -> int | None:
    """How many instructions after `error` it was found; None if it made no difference in the end."""
    following = FollowingHost(led, [str(error)])
    assert Injected(soft_error=str(error)) in following.host.wire.said
    if following.found is not None:
        return following.host.machine.icount - error.icount
    end = end_of(following.host)
    assert end == led.end, f"{error} passed unseen: {led.end.differences(end)}"
    return None


def test_a_bit_of_any_register_is_found_or_makes_no_difference() -> None:
    """With a check at every natural block start: what isn't found there was overwritten within its block."""
    draw = random.Random(5)
    image = random_programs.random_program(FIRST_SEED, random_programs.Kinds(protection=True))
    led = LedGuest(programs.machine_config(image), positions_max=3000)
    numbered = [name for name, register in REGISTERS.items() if register.kind in ("integer", "float")]
    others = [name for name in REGISTERS if name not in numbered]
    behind: dict[str, int | None] = {}
    for name in (*numbered[1:], *others):
        bits = [bit for bit in range(64) if REGISTERS[name].bits >> bit & 1]
        error = SoftError(icount=draw.randrange(100, 1000), bit=draw.choice(bits), register=name)
        behind[str(error)] = suffer(led, error)
    print(behind)
    found = [instructions for instructions in behind.values() if instructions is not None]
    assert len(found) > len(behind) * 3 // 4
    assert max(found) < 600, "a block has 512 instructions at most"


def test_a_bit_of_ram_is_found_or_makes_no_difference() -> None:
    draw = random.Random(6)
    config = programs.machine_config(random_programs.random_program(FIRST_SEED + 1))
    led = LedGuest(config, positions_max=3000)
    behind: dict[str, int | None] = {}
    for _ in range(20):
        address = assembler.RAM + draw.randrange(programs.MEMORY_BYTES)
        error = SoftError(icount=draw.randrange(100, 1000), bit=draw.randrange(8), address=address)
        behind[str(error)] = suffer(led, error)
    print(behind)
    assert sum(instructions is not None for instructions in behind.values()) >= 18


def test_checks_lie_apart_and_the_log_ends_with_the_guest() -> None:
    led = LedGuest(programs.machine_config(random_programs.random_program(FIRST_SEED + 2)))
    assert led.host.ended is not None
    assert [entry.kind for entry in led.entries] == [CHECK] * (len(led.entries) - 1) + [END]
    positions = [entry.position for entry in led.entries[:-1]]
    assert positions == sorted(set(positions))


def test_without_checks_there_are_none() -> None:
    config = programs.machine_config(random_programs.random_program(FIRST_SEED + 2))
    led = LedGuest(config, CheckIntervals(every_s=None))
    assert [entry.kind for entry in led.entries] == [END]
