"""The checks of disk and network output notice what they are there for."""

from __future__ import annotations

import random

import pytest

from lockstep.sim.checks import SafetyViolation
from lockstep.sim.devices import FLUSH
from lockstep.sim.host import SimulatedHost
from lockstep.sim.parts import Parts
from lockstep.sim.world import World

MADE = [(0, 11), (1, 12), (FLUSH, 0), (0, 13)]


def world_with_primary() -> tuple[World, SimulatedHost]:
    """Host 1, which has made `MADE` and two frames, is live; host 2 follows."""
    world = World(1, Parts())
    primary, _ = (world.process(world.fleet.spawn(0.0)) for _ in range(2))
    world.devices.begin(1, 2)
    primary.member.generation = 1
    primary.machine.devices.disk_outputs += MADE
    primary.machine.devices.frames += [21, 22]
    world.checks.goes_live(primary)
    return world, primary


def write(world: World, count: int, durable: int = 0) -> None:
    for block, value in MADE[:count]:
        world.devices.file.write(block, value)
    world.devices.file.durable_count = durable


def survivor(world: World, made: list[tuple[int, int]], frames: list[int]) -> SimulatedHost:
    host = world.fleet.known[2].process
    host.member.generation = 2
    host.machine.devices.disk_outputs += made
    host.machine.devices.frames += frames
    return host


def test_a_write_out_of_order_is_seen() -> None:
    world, primary = world_with_primary()
    world.checks.devices.wrote(primary, 0, MADE[0])
    for number, output in ((1, MADE[1]), (0, MADE[1])):
        with pytest.raises(SafetyViolation, match=f"output {number} of host 1 is written at place 0"):
            world.checks.devices.wrote(primary, number, output)


def test_output_of_a_host_that_is_not_live_is_seen() -> None:
    world, primary = world_with_primary()
    other = survivor(world, MADE, [])
    with pytest.raises(SafetyViolation, match="host 2 isn't live in generation 1"):
        world.checks.devices.wrote(other, 0, MADE[0])
    world.checks.goes_live(other)
    with pytest.raises(SafetyViolation, match="host 1 isn't live in generation 1"):
        world.checks.devices.sent(primary, 0, 21)


def test_a_frame_twice_or_changed_is_seen() -> None:
    world, primary = world_with_primary()
    world.checks.devices.sent(primary, 0, 21)
    with pytest.raises(SafetyViolation, match="frame 0 leaves after 0"):
        world.checks.devices.sent(primary, 0, 21)
    with pytest.raises(SafetyViolation, match="frame 1 isn't what host 1 made"):
        world.checks.devices.sent(primary, 1, 23)


def test_a_survivor_that_lacks_what_the_file_or_the_network_has_is_seen() -> None:
    world, _ = world_with_primary()
    write(world, 2)
    with pytest.raises(SafetyViolation, match="the file has 2 outputs; host 2 goes live and lacks 1"):
        world.checks.devices.goes_live(survivor(world, MADE[:1], [21, 22]))
    world, primary = world_with_primary()
    world.checks.devices.sent(primary, 1, 22)
    with pytest.raises(SafetyViolation, match="the network saw frame 1, which host 2 lacks"):
        world.checks.devices.goes_live(survivor(world, MADE, [21]))


def test_a_flush_acknowledged_too_early_is_seen() -> None:
    world, primary = world_with_primary()
    write(world, 3, durable=1)
    with pytest.raises(SafetyViolation, match="acknowledges flush 2; if the power failed, outputs from 1 on"):
        world.checks.devices.acknowledges(primary, 2)
    world.devices.file.durable_count = 2
    world.checks.devices.acknowledges(primary, 2)
    world.checks.devices.acknowledges(survivor(world, [], []), 99)  # nobody hears it


def test_what_a_power_cut_leaves_is_compared_with_what_was_acknowledged() -> None:
    world, primary = world_with_primary()
    write(world, 4, durable=2)
    world.checks.devices.acknowledges(primary, 2)
    for seed in range(20):
        world.checks.devices.power_fails(random.Random(seed))
    for blocks in ([11, 12], [13, 12]):
        world.checks.devices.looks_well(blocks + [0] * 6)
    for block, blocks in ((1, [13, 0]), (0, [0, 12]), (0, [99, 12])):
        with pytest.raises(SafetyViolation, match=f"block {block} lacks what a flush"):
            world.checks.devices.looks_well(blocks + [0] * 6)
    world.devices.file.durable_count = 0
    with pytest.raises(SafetyViolation, match="lacks what a flush"):
        world.checks.devices.power_fails(random.Random(1))


def test_an_end_before_all_is_in_the_file_is_seen() -> None:
    world, primary = world_with_primary()
    write(world, 3)
    with pytest.raises(SafetyViolation, match="made 4 outputs, the file has 3"):
        world.checks.devices.ended(primary)
    world.devices.disks.failed(0, 3)
    world.checks.devices.ended(primary)
