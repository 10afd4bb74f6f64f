"""Whether an address is in RAM, and the `--memory` that would make it so."""

from __future__ import annotations

from lockstep.machine.memory_map import RAM_BASE
from lockstep.machine.quantities import KIB, MEMORY_BYTES_MAX, MEMORY_BYTES_MIN, format_memory

DEVICE_TREE_ROOM_BYTES = 64 * KIB
"""Kept free in advice: the device tree and what goes with it need some room as well."""


def ram_range(memory_bytes: int) -> str:
    """The range of RAM, for messages."""
    return f"RAM (0x{RAM_BASE:x} to 0x{RAM_BASE + memory_bytes:x})"


def advice_for_end(end: int) -> str:
    """What to do to have RAM up to address `end`: a power of two for `--memory`, or that there is no such."""
    memory_bytes = MEMORY_BYTES_MIN
    while memory_bytes < end - RAM_BASE + DEVICE_TREE_ROOM_BYTES:
        memory_bytes *= 2
    if memory_bytes > MEMORY_BYTES_MAX:
        return f"no machine has that much memory, the largest has {format_memory(MEMORY_BYTES_MAX)}"
    return f"give --memory {format_memory(memory_bytes)}"
