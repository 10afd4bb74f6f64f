"""Runs seeds: first things go wrong and only safety counts, then they stop, and the pair has to recover."""

from __future__ import annotations

import dataclasses
import enum
import hashlib

from lockstep.sim.checks import SafetyViolation
from lockstep.sim.faults import PHASE_US
from lockstep.sim.parts import Parts
from lockstep.sim.schedule import US_PER_S
from lockstep.sim.world import INTERRUPTED, World

RECOVERY_LIMIT_US = 30 * US_PER_S
"""Virtual time in which the pair has to be Protected again; and again for the guest to end."""


class Failure(enum.Enum):
    """What a seed found. The value is the exit status."""

    SAFETY = 1
    LIVENESS = 3


@dataclasses.dataclass
class Verdict:
    """What came of one seed."""

    seed: int
    failure: Failure | None = None
    text: str = ""
    faults: int = 0
    failovers: int = 0
    clones: int = 0
    is_guest_lost: bool = False
    """It was: faults hit while nobody could take over."""
    full_rings: int = 0
    divergences: int = 0
    flushes: int = 0
    """How many the sink made durable."""
    has_lost_power: bool = False
    has_disk_failed: bool = False
    is_spoiled: bool = False
    """A machine with a soft error took over before it was found: nothing could be checked any more."""


class _Stuck(Exception):
    pass


def run_seed(seed: int, parts: Parts | None = None, trace: list[str] | None = None) -> Verdict:
    """Run one world. `parts` other than the default lack a rule. Lines of the trace are appended to `trace`."""
    world = World(seed, parts or Parts(), trace)
    verdict = Verdict(seed)
    try:
        _run(world)
    except _Stuck as stuck:
        verdict.failure, verdict.text = Failure.LIVENESS, str(stuck)
    except SafetyViolation as violation:
        verdict.failure, verdict.text = Failure.SAFETY, str(violation)
    except Exception as error:
        # Ledgers and roles raise where something would be lost or doubled; a bug of ours is no better.
        verdict.failure, verdict.text = Failure.SAFETY, f"{type(error).__name__}: {error}"
    protector = world.supervisor.protector
    verdict.faults, verdict.full_rings = world.faults.count, world.full_rings
    verdict.failovers, verdict.clones = len(protector.failovers), len(protector.clones)
    verdict.divergences, verdict.is_spoiled = world.supervisor.divergences.mismatched, world.is_spoiled
    verdict.flushes = world.devices.flushes
    verdict.has_lost_power, verdict.has_disk_failed = world.has_lost_power, bool(world.devices.disks.trouble)
    verdict.is_guest_lost = world.supervisor.ending.reason == "no-host"
    if verdict.failure is not None:
        world.say(f"{verdict.failure.name.lower()}:", verdict.text)
    return verdict


def _run(world: World) -> None:
    def is_over() -> bool:
        return world.monitor.is_over or world.is_spoiled or world.has_lost_power

    world.schedule.run(PHASE_US, is_over)
    world.faults.end()
    world.say("world", "is well from here on")
    recovery_us = world.schedule.now_us + RECOVERY_LIMIT_US
    if not world.has_typed_end:
        world.schedule.run(recovery_us, lambda: is_over() or world.is_protected)
        if not is_over() and not world.is_protected:
            raise _Stuck(f"not protected again: {world.supervisor.protector.status.value}")
        if not is_over():
            world.type_end()
    world.schedule.run(world.schedule.now_us + RECOVERY_LIMIT_US, is_over)
    if not is_over():
        raise _Stuck("the guest does not end")
    _check_end(world)


def _check_end(world: World) -> None:
    if world.is_spoiled:
        return
    world.checks.devices.power_fails(world.random)
    if world.has_lost_power:
        return
    ending = world.supervisor.ending
    on_record = world.supervisor.protector.arbiter.current().primary
    if ending.mismatch is not None and world.fleet.known[on_record].process.is_flipped:
        # It had won before its soft error was found: the run ends, loudly, and rightly so.
        world.is_spoiled = True
        return
    if ending.mismatch is not None:
        raise SafetyViolation(ending.mismatch)
    if ending.reason == "no-host":
        if not world.faults.may_lose_guest:
            raise _Stuck("no host is left, though no fault hit an unprotected pair")
        return
    if ending.reason == INTERRUPTED and not world.has_ended_by_itself:
        return
    if ending.reason not in (None, INTERRUPTED) or ending.ended is None:
        raise _Stuck(f"the run ended early: {ending.reason}")
    world.checks.ended()


def digest_of(trace: list[str]) -> str:
    """A short name for a trace: the same for the same seed, always."""
    return hashlib.blake2b("\n".join(trace).encode(), digest_size=8).hexdigest()
