"""Hosts are killed and stopped at random, again and again, in every phase of a pair's life: the guest can't tell."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import pytest
from faults import RandomFaults, law, run_monitor
from pair_runs import drawn
from programs import bundled

from lockstep.catalog.choice import GuestOptions, choose_machine
from lockstep.catalog.linux import linux_guest
from lockstep.host.options import RunOptions
from lockstep.host.solo import run_solo
from lockstep.machine.config import MachineConfig
from lockstep.machine.loader.place import plan_boot
from lockstep.monitor.pair import PairMonitor

FAULTS_MIN = 45
"""For each guest. With those of *sloppy* (see `test_sloppy`) and Linux they are more than 300 in all."""
GUESTS = [
    ("compute", "rounds=2", 1, "shm"),
    ("compute", "rounds=2", 1, "tcp"),
    ("timer", "seconds=5", 1, "tcp"),
    ("smp", "scale=400", 4, "shm"),
]


LINUX = GuestOptions(guest="linux", append="run=/bin/uname+-a", clock="virtual")


def clear_disks(config: MachineConfig) -> None:
    """Nothing but zeros."""
    for disk in config.disks:
        os.truncate(disk.path, 0)
        os.truncate(disk.path, disk.size_bytes)


def disks_of(config: MachineConfig) -> list[str]:
    """Digests of what is on the disks."""
    return [hashlib.sha256(disk.path.read_bytes()).hexdigest() for disk in config.disks]


def check(config: MachineConfig, channel: str, draw: random.Random, faults_min: int) -> None:
    """Run the guest alone, then as a pair, as often as it takes for so many faults."""
    alone = run_solo(config, RunOptions(), plan_boot(config))
    contents = disks_of(config)
    total, runs = 0, 0
    while total < faults_min:
        faults = RandomFaults(draw)

        def prepare(monitor: PairMonitor, faults: RandomFaults = faults) -> None:
            monitor.executioner = faults

        clear_disks(config)
        result = run_monitor(config, RunOptions(channel=channel), prepare)
        print(f"{faults.done.total()} faults: {dict(faults.done)}; {len(result.failovers)} failovers")
        assert law(result) == law(alone), result.message
        assert disks_of(config) == contents
        total, runs = total + faults.done.total(), runs + 1
        assert runs < 20, "hardly any faults come about"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "append", "harts", "channel"), GUESTS)
def test_bundled_guests(name: str, append: str, harts: int, channel: str) -> None:
    check(bundled(name, append, harts=harts), channel, drawn(), FAULTS_MIN)


@pytest.mark.slow
@pytest.mark.parametrize("channel", ["shm", "tcp"])
def test_disks(channel: str, tmp_path: Path) -> None:
    """What is in the files is the same, too: one that the guest writes, and another beside it."""
    paths = [tmp_path / name for name in ("a.img", "b.img")]
    for path in paths:
        with path.open("wb") as file:
            file.truncate(1 << 20)
    options = GuestOptions(
        guest="records", append="records=4000 every=40", clock="virtual", disks=tuple(map(str, paths))
    )
    check(choose_machine(options), channel, drawn(), FAULTS_MIN)


@pytest.mark.linux
@pytest.mark.slow
def test_linux() -> None:
    if linux_guest() is None:
        pytest.skip("Linux was not fetched: no network")
    check(choose_machine(LINUX), "shm", drawn(), 30)
