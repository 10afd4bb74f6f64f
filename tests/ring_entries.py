"""Reads a ring to its end, as tests of it do."""

from __future__ import annotations

from lockstep.log.entry import Entry, copy_entry
from lockstep.log.errors import raise_if_error
from lockstep.log.ring import ring_peek, ring_pop


def read_entries(base: int) -> list[Entry]:
    """Consume all entries that are there. Raises a `LogError` at the first one that is refused."""
    entries = []
    while address := raise_if_error(ring_peek(base)):
        entries.append(copy_entry(address))
        ring_pop(base)
    return entries
