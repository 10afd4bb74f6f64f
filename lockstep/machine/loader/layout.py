"""Where the initrd and the device tree go between what has its place already: arithmetic on ranges, no files.

Source of the rules: QEMU 7.2, observed with the monitor's `info roms`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from lockstep.errors import GuestError
from lockstep.machine.loader.room import ram_range
from lockstep.machine.memory_map import RAM_BASE
from lockstep.machine.quantities import GIB, MEMORY_BYTES_MAX, MIB, PAGE_BYTES, format_memory

INITRD_OFFSET_BYTES_MAX = 128 * MIB
TREE_ALIGNMENTS_BYTES = (2 * MIB, PAGE_BYTES, 8)
"""The first is QEMU's; in small or full memories the next ones still find room."""
TREE_END_MAX = 3 * GIB
"""So that a guest that starts with 32-bit addresses reaches it."""


@dataclass(frozen=True)
class Area:
    """A named range of addresses, `end` excluded."""

    name: str
    start: int
    end: int

    def overlaps(self, other: Area) -> bool:
        """Whether some byte is in both."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True)
class Layout:
    """What has found its place. Without an initrd its area is empty."""

    initrd: Area
    tree: Area


def arrange(
    fixed: list[Area],
    *,
    kernel: Area,
    initrd_name: str,
    initrd_bytes: int,
    tree_bytes: int,
    memory_bytes: int,
) -> Layout:
    """Place the initrd and the device tree, `tree_bytes` with what follows it.

    GuestError if anything overlaps or lies outside of RAM; it names the `--memory` that would do, if any.
    """

    def at(memory_bytes: int) -> Layout:
        initrd = _initrd_area(kernel, initrd_name, initrd_bytes, memory_bytes)
        return Layout(initrd, _tree_area([*fixed, initrd], tree_bytes, memory_bytes))

    layout = at(memory_bytes)
    complaint = _complaint(fixed, layout, memory_bytes)
    if complaint is None:
        return layout
    larger_bytes = 1 << memory_bytes.bit_length()
    while larger_bytes <= MEMORY_BYTES_MAX:
        if _complaint(fixed, at(larger_bytes), larger_bytes) is None:
            raise GuestError(f"{complaint}: give --memory {format_memory(larger_bytes)}")
        larger_bytes *= 2
    raise GuestError(f"{complaint}: no --memory helps, link or build them for other addresses")


def _initrd_area(kernel: Area, name: str, size_bytes: int, memory_bytes: int) -> Area:
    start = kernel.start + min(memory_bytes // 2, INITRD_OFFSET_BYTES_MAX)
    # QEMU goes no further. A kernel that reaches beyond (small memory, large kernel) still works with us.
    start = _round_up(max(start, kernel.end), PAGE_BYTES)
    return Area(name, start, start + size_bytes)


def _tree_area(others: list[Area], size_bytes: int, memory_bytes: int) -> Area:
    """The first place that is free, or else the one preferred."""
    ram_end = RAM_BASE + memory_bytes
    places = [
        Area("device tree", start, start + size_bytes)
        for top in (min(ram_end, TREE_END_MAX), ram_end)
        for alignment in TREE_ALIGNMENTS_BYTES
        if (start := (top - size_bytes) // alignment * alignment) >= RAM_BASE
    ]
    free = (place for place in places if not any(place.overlaps(other) for other in others))
    return next(free, places[0] if places else Area("device tree", RAM_BASE, RAM_BASE + size_bytes))


def _complaint(fixed: list[Area], layout: Layout, memory_bytes: int) -> str | None:
    areas = [area for area in (*fixed, layout.initrd, layout.tree) if area.end > area.start]
    for area in areas:
        if area.start < RAM_BASE or area.end > RAM_BASE + memory_bytes:
            return (
                f"{area.name} at 0x{area.start:x} to 0x{area.end:x} lies outside of {ram_range(memory_bytes)}"
            )
    areas.sort(key=lambda area: area.start)
    for lower, upper in pairwise(areas):
        if lower.overlaps(upper):
            return (
                f"{lower.name} (0x{lower.start:x} to 0x{lower.end:x}) and {upper.name} "
                f"(0x{upper.start:x} to 0x{upper.end:x}) overlap"
            )
    return None


def _round_up(value: int, alignment: int) -> int:
    return -(-value // alignment) * alignment
