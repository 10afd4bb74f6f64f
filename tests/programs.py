"""Machines for tests, and how their runs end."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine, Stop

MEMORY_BYTES = 4 << 20


def machine_config(image: bytes, *, harts: int = 1, memory_bytes: int = MEMORY_BYTES) -> MachineConfig:
    """A small machine that runs `image` under the virtual clock."""
    return MachineConfig(guest=image, clock="virtual", harts=harts, memory_bytes=memory_bytes)


def bundled(name: str, append: str = "", *, harts: int = 1, memory_bytes: int = 32 << 20) -> MachineConfig:
    """The config of a bundled guest."""
    path = Path(__file__).resolve().parent.parent / "guests" / f"{name}.elf"
    return MachineConfig(guest=path, clock="virtual", append=append, harts=harts, memory_bytes=memory_bytes)


@dataclasses.dataclass(frozen=True)
class End:
    """How a run ended: all that two equal runs have in common."""

    stop: str
    icount: int
    position: int
    digest: str
    console: bytes

    def differences(self, other: End) -> str:
        """Which fields differ, with both values; empty if none."""
        pairs = [
            (field.name, getattr(self, field.name), getattr(other, field.name))
            for field in dataclasses.fields(self)
        ]
        return ", ".join(f"{name}: {mine} != {theirs}" for name, mine, theirs in pairs if mine != theirs)


LIMIT = 400_000
"""Position at which a random program that doesn't end is left alone."""


def run_on(
    machine: Machine, *, exact_stops: Iterable[int] = (), limit: int = LIMIT, console: bytes = b""
) -> End:
    """Run to the end or to position `limit`, stopping exactly at each icount of `exact_stops` on the way."""
    for icount in sorted(exact_stops):
        stop = None
        while machine.icount < icount and stop not in ENDS:
            stop = machine.run(exact_icount=icount, limit=limit)
            console += machine.drain_console()
            assert stop is not Stop.EXACT or machine.icount == icount, (
                f"asked to stop at {icount}, got {machine.icount}"
            )
    stop = None
    while stop not in ENDS:
        stop = machine.run(limit=limit)
        console += machine.drain_console()
    assert stop is not None
    return End(stop.name, machine.icount, machine.position, machine.digest(), console)


ENDS = (Stop.FINISHED, Stop.IDLE, Stop.REACHED)
