"""The log's way between two simulated hosts, as each of them sees it; and the simplest one, a ring that both share."""

from __future__ import annotations

from typing import Protocol

from lockstep.sim.ring import Ring


class Channel(Protocol):
    """One side's view, as of a real host."""

    ring: Ring

    def held(self) -> int:
        """The horizon up to which the secondary holds every entry."""

    def cut(self) -> None:
        """On the secondary: take nothing more."""

    def moved(self) -> None:
        """Something was appended, published or consumed."""

    def close(self) -> None:
        """This side lets go of it."""


class SharedMemory:
    """Both sides have the ring itself: what is published is held."""

    def __init__(self, ring: Ring) -> None:
        """`ring` outlives the hosts."""
        self.ring = ring

    def held(self) -> int:
        """What was published; see `Ring` on the cut."""
        return self.ring.published

    def cut(self) -> None:
        """Seal the ring."""
        self.ring.seal()

    def moved(self) -> None:
        """The other side sees it by itself."""

    def close(self) -> None:
        """Nothing to do."""
