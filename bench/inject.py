"""Interrupts replayed per second: a machine follows a recorded log of which each entry raises an interrupt."""

from __future__ import annotations

import ctypes
import dataclasses
import time
from collections.abc import Callable

from bench.interrupt_guest import COUNTED, SUMMED, TIMER_TICKS, input_guest, timer_guest
from bench.results import CaseResult, MeasurementError
from bench.settings import Settings
from lockstep.ft.following import Step, next_step
from lockstep.host.entries import check_place, clock_payload, signed_pc, take_entry
from lockstep.log.entry import CLOCK, INPUT
from lockstep.log.layout import HEADER_SIZE, block_size
from lockstep.log.shared import SharedRing
from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine, Stop

GAP_POSITIONS = 16
"""From one entry to the next: more than a handler takes."""
TIMER_NS = TIMER_TICKS * 100
LATE_NS = 50_000
"""How far behind the timer an entry moves the clock: the guest doesn't get to the next one by itself."""
RING_BYTES_PER_ENTRY = 64
MEMORY_BYTES = 4 << 20


@dataclasses.dataclass(frozen=True)
class Kind:
    """A guest, and the entry that interrupts it for the `number`th time."""

    name: str
    guest: Callable[[int], bytes]
    kind: int
    payload: Callable[[Machine, int], bytes]


def _timer_due(machine: Machine, number: int) -> bytes:
    return clock_payload(number * TIMER_NS + LATE_NS - machine.position)


def _byte(machine: Machine, number: int) -> bytes:
    return bytes([number % 128])


KINDS = {
    "timer": Kind("timer", timer_guest, CLOCK, _timer_due),
    "UART": Kind("UART", input_guest, INPUT, _byte),
}


@dataclasses.dataclass(frozen=True)
class Recording:
    """A log as the primary left it in its ring, and what the guest came to."""

    guest: bytes
    interrupts: int
    ring: bytes
    work: dict[str, object]


def measure(result: CaseResult, settings: Settings) -> None:
    """Timer interrupts by CLOCK entries, and bytes through UART and PLIC by INPUT entries."""
    count = settings.pick(300_000, 2_000)
    for kind in KINDS.values():
        recording = record(kind, count)
        result.work(kind.name, recording.work)
        per_s = []
        for _ in range(settings.rounds()):
            seconds = replay(recording)
            per_s.append(count / seconds)
        found = result.value(f"{kind.name}: interrupts replayed", "1/s", per_s)
        result.value(f"{kind.name}: for each", "ns", [1e9 / rate for rate in per_s])
        result.judge("inject.interrupts", found.median, kind.name)


def record(kind: Kind, count: int, gap: int = GAP_POSITIONS) -> Recording:
    """Run the guest as a primary does, and interrupt it `count` times, every `gap` positions."""
    guest = kind.guest(count)
    machine = _machine(guest)
    with SharedRing.create(1 << (count * RING_BYTES_PER_ENTRY).bit_length(), 0, 0) as ring:
        for number in range(1, count + 1):
            stop = machine.run(limit=machine.position + gap)
            if stop is not Stop.REACHED:
                raise MeasurementError(
                    f"{kind.name}: the guest stopped at its interrupt {number}: {stop.name}"
                )
            payload = kind.payload(machine, number)
            if ring.append(kind.kind, machine.position, signed_pc(machine), payload) is None:
                raise MeasurementError(f"{kind.name}: the log doesn't fit its ring")
            take_entry(machine, kind.kind, payload)
        stop = machine.run(limit=machine.position + gap)
        if stop is not Stop.FINISHED:
            raise MeasurementError(f"{kind.name}: {count} entries were not {count} interrupts: {stop.name}")
        ring.publish(machine.position + 1)
        block = ctypes.string_at(ring.base, block_size(ring.capacity_bytes))
    return Recording(guest, count, block, _work(machine, count))


def replay(recording: Recording) -> float:
    """Seconds that a machine takes which follows the log from its start to the guest's end."""
    machine = _machine(recording.guest)
    with SharedRing.create(len(recording.ring) - HEADER_SIZE, 0, 0) as ring:
        ctypes.memmove(ring.base, recording.ring, len(recording.ring))
        started_s = time.perf_counter()
        _follow(machine, ring)
        seconds = time.perf_counter() - started_s
    work = _work(machine, recording.interrupts)
    if work != recording.work:
        raise MeasurementError(f"the replay differs from the recording: {work}, not {recording.work}")
    return seconds


def undisturbed(kind: Kind, positions: int) -> float:
    """Seconds that the guest takes for so many positions if nothing interrupts it."""
    machine = _machine(kind.guest(1))
    started_s = time.perf_counter()
    stop = machine.run(limit=positions)
    seconds = time.perf_counter() - started_s
    if stop is not Stop.REACHED or int(machine.board["traps"]):
        raise MeasurementError(f"{kind.name}: the guest was not undisturbed: {stop.name}")
    return seconds


def _follow(machine: Machine, ring: SharedRing) -> None:
    """As a secondary does, to the guest's end."""
    while True:
        horizon = ring.horizon()
        entry = ring.peek()
        entry_position = None if entry is None else entry.position
        step, target = next_step(machine.position, horizon, entry_position, going_live=False)
        if step is Step.APPLY and entry is not None:
            check_place(machine, entry)
            take_entry(machine, entry.kind, entry.payload)
            ring.pop()
            continue
        stop = machine.run(limit=target, followed=ring.base)
        if stop is Stop.FINISHED:
            return
        if stop is not Stop.REACHED:
            raise MeasurementError(f"the guest stopped at {machine.position}: {stop.name}")


def _machine(guest: bytes) -> Machine:
    return Machine(MachineConfig(guest=guest, clock="host", memory_bytes=MEMORY_BYTES))


def _work(machine: Machine, interrupts: int) -> dict[str, object]:
    """What the guest came to. MeasurementError unless guest and machine counted an interrupt per entry."""
    registers = machine.wires.engines[0].registers[0]["gpr"]
    counted, traps = int(registers[COUNTED]), int(machine.board["traps"])
    if counted != interrupts or traps != interrupts:
        raise MeasurementError(
            f"{interrupts} entries, but the guest counted {counted} interrupts and the machine {traps}"
        )
    return {
        "interrupts": counted,
        "sum": int(registers[SUMMED]),
        "icount": machine.icount,
        "digest": machine.digest(),
    }
