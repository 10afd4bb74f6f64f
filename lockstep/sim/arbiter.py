"""An arbiter in memory: the real `win` and `set_secondary` act on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockstep.monitor.arbiter import Record

if TYPE_CHECKING:
    from lockstep.sim.world import World


class MemoryArbiter:
    """An arbiter whose atomic create is a look into a dictionary."""

    def __init__(self, world: World) -> None:
        """No record."""
        self._world = world
        self._records: dict[int, Record] = {}

    def begin(self, record: Record) -> bool:
        """Store the first record."""
        return self._create(record)

    def current(self) -> Record:
        """The newest."""
        return self._records[len(self._records)]

    def change(self, before: Record, after: Record) -> bool:
        """Replace `before` by `after`; False if somebody else was faster."""
        if after.version != before.version + 1:
            raise ValueError("a change makes the next version")
        return self._create(after)

    def _create(self, record: Record) -> bool:
        is_first = self._records.setdefault(record.version, record) is record
        self._world.say("arbiter", "takes" if is_first else "refuses", record)
        return is_first
