"""The log between two hosts: a bounded ring, with horizon and cut."""

from __future__ import annotations

from collections import deque

from lockstep.sim.machine import Entry


class Ring:
    """One (generation, secondary)'s log.

    The real ring shows its cut to the producer, too. This one doesn't: what is appended or published after the cut
    is gone without a word. Rule 5, the fence before the cut, must do without that.
    """

    def __init__(self, generation: int, secondary: int, capacity: int) -> None:
        """Empty, with room for `capacity` entries."""
        self.generation, self.secondary, self.capacity = generation, secondary, capacity
        self.published = 0
        self.acknowledged = 0
        self._entries: deque[Entry] = deque()
        self._cut_horizon: int | None = None

    def append(self, entry: Entry) -> bool:
        """Append; False if the ring is full."""
        if len(self._entries) >= self.capacity:
            return False
        if self._cut_horizon is None:
            self._entries.append(entry)
        return True

    def publish(self, horizon: int) -> None:
        """Every entry stamped below `horizon` was appended."""
        self.published = max(self.published, horizon)

    @property
    def horizon(self) -> int:
        """As the consumer sees it."""
        return self.published if self._cut_horizon is None else self._cut_horizon

    def peek(self) -> Entry | None:
        """The next entry, if there is one."""
        return self._entries[0] if self._entries else None

    def pop(self) -> Entry:
        """Consume it."""
        return self._entries.popleft()

    def acknowledge(self, position: int) -> None:
        """The consumer has come so far."""
        self.acknowledged = max(self.acknowledged, position)

    def seal(self) -> None:
        """Cut."""
        if self._cut_horizon is None:
            self._cut_horizon = self.published
