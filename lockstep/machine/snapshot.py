"""Snapshot, restore and digest, once for all state: RAM, BOARD, and each hart's registers.

A snapshot of a machine that stands at a quiet point, restored into a new machine, runs on bit-identically.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import xxhash

from lockstep.machine.access import board_of, control_of, wiring_at, wiring_of_hart
from lockstep.machine.engine.layout import ENV, ENV_STATE_BYTES
from lockstep.machine.lines import update_lines
from lockstep.machine.mmu import flush_translations
from lockstep.machine.overlay import WrittenBlocks, overlays, put_back
from lockstep.machine.state import BOARD
from lockstep.native import exported, int64, void

if TYPE_CHECKING:
    from lockstep.machine.wire_up import Wires

_HOST_FIELDS = ("wiring", "badaddr")
"""Fields within a hart's registers that belong to this process (or hold nothing between instructions)."""
assert ENV.fields is not None
_HOST_OFFSETS = tuple(ENV.fields[name][1] for name in _HOST_FIELDS)


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A machine at rest: raw records. `ram`, the whole of it, and `disks` are None if they travel apart."""

    ram: bytes | None
    board: bytes
    harts: tuple[bytes, ...]
    disks: tuple[WrittenBlocks, ...] | None = None
    """What it has written to each."""


@exported(void(int64))
def settle(first_wiring: int) -> None:
    """Bring derived state, mip of every hart, up to date, so that it doesn't depend on when somebody last looked."""
    wiring = wiring_at(first_wiring)
    board = board_of(wiring)
    update_lines(board, control_of(wiring), board.position)


@exported(void(int64))
def forget_translations(first_wiring: int) -> None:
    """An architectural flush on every hart."""
    wiring = wiring_at(first_wiring)
    control = control_of(wiring)
    for hart in range(board_of(wiring).harts_count):
        flush_translations(wiring_of_hart(control, hart))


def hart_bytes(wires: Wires, hart: int) -> bytes:
    """A hart's registers, fflags included, as they compare equal on every host."""
    registers = wires.engines[hart].registers
    raw = bytearray(registers.view(np.uint8)[:ENV_STATE_BYTES])
    for offset in _HOST_OFFSETS:
        raw[offset : offset + 8] = bytes(8)
    return bytes(raw) + bytes([int(registers[0]["float_exception_flags"])])


def take_snapshot(wires: Wires) -> Snapshot:
    """Copy the machine."""
    settle(wires.first_wiring)
    harts = tuple(hart_bytes(wires, hart) for hart in range(len(wires.engines)))
    disks = tuple(overlay.all_written() for overlay in overlays(wires))
    return Snapshot(wires.ram.tobytes(), wires.board.tobytes(), harts, disks)


def restore_snapshot(wires: Wires, snapshot: Snapshot) -> None:
    """Overwrite the machine; translated code and translations of what it was before are forgotten."""
    if snapshot.ram is not None:
        wires.ram[:] = np.frombuffer(snapshot.ram, np.uint8)
    if snapshot.disks is not None:
        put_back(wires, snapshot.disks)
    wires.board[:] = np.frombuffer(snapshot.board, BOARD)
    for engine, raw in zip(wires.engines, snapshot.harts, strict=True):
        keep = {field: engine.registers[0][field].copy() for field in (*_HOST_FIELDS, "engine")}
        registers = engine.registers.view(np.uint8)
        registers[:ENV_STATE_BYTES] = np.frombuffer(raw[:ENV_STATE_BYTES], np.uint8)
        engine.registers["float_exception_flags"] = raw[ENV_STATE_BYTES]
        for field, value in keep.items():
            engine.registers[field] = value
        engine.uc.ctl_flush_tb()
    forget_translations(wires.first_wiring)


def digest_board(wires: Wires) -> bytes:
    """16 bytes of xxh3 over registers and devices."""
    settle(wires.first_wiring)
    hasher = xxhash.xxh3_128(wires.board.tobytes())
    for hart in range(len(wires.engines)):
        hasher.update(hart_bytes(wires, hart))
    return hasher.digest()


def digest_machine(wires: Wires) -> str:
    """32 hexadecimal digits of xxh3 over RAM, registers and devices."""
    hasher = xxhash.xxh3_128(digest_board(wires))
    hasher.update(wires.ram.data)
    return hasher.hexdigest()
