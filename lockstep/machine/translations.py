"""What a hart remembers of its page tables, at rest.

At a quiet point that is nothing. A machine that stopped anywhere else is the same machine in another process only if
that remembers the same: translations may be stale, and a walk sets accessed bits anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lockstep.machine.access import board_of, control_of, wiring_at, wiring_of_hart
from lockstep.machine.mmu import notice_flushes
from lockstep.machine.snapshot import forget_translations
from lockstep.machine.state import TRANSLATION
from lockstep.machine.wire_up import Wires
from lockstep.native import exported, int64, void

KEPT = np.dtype([("slot", np.int64), ("tag", np.int64), ("page", np.int64), ("allowed", np.int64)])
"""A translation and its place in the table, which matters: slots are probed one after another."""


@exported(void(int64))
def _notice_all(first_wiring: int) -> None:
    wiring = wiring_at(first_wiring)
    control = control_of(wiring)
    for hart in range(board_of(wiring).harts_count):
        notice_flushes(wiring_of_hart(control, hart))


def keep_translations(wires: Wires) -> tuple[bytes, ...]:
    """The translations that each hart knows, as KEPT records."""
    _notice_all(wires.first_wiring)
    return tuple(_keep(wires, hart) for hart in range(len(wires.engines)))


def remember_translations(wires: Wires, kept: tuple[bytes, ...]) -> None:
    """Have each hart know what was `kept` of it, and nothing else."""
    forget_translations(wires.first_wiring)
    for hart, raw in enumerate(kept):
        records: Any = np.frombuffer(raw, KEPT)
        table, wiring = _table(wires, hart), wires.wirings[hart]
        slots = records["slot"]
        for field in ("tag", "page", "allowed"):
            table[field][slots] = records[field]
        table["generation"][slots] = wiring["translations_generation"]
        wiring["translations_used"] = len(records)


def _keep(wires: Wires, hart: int) -> bytes:
    table = _table(wires, hart)
    slots = np.flatnonzero(table["generation"] == wires.wirings[hart]["translations_generation"])
    records: Any = np.zeros(len(slots), KEPT)
    records["slot"] = slots
    for field in ("tag", "page", "allowed"):
        records[field] = table[field][slots]
    return bytes(records.tobytes())


def _table(wires: Wires, hart: int) -> Any:
    return wires.translations[hart].view(TRANSLATION)
