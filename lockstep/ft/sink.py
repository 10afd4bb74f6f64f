"""The sink's side of output (rules 3 and 5): each byte once, in order, from one generation at a time. No I/O."""

from __future__ import annotations


class SinkGapError(Exception):
    """Output was offered from beyond what the sink has: bytes would be lost."""


class SinkLedger:
    """Counts what the world was given, and by whom it may be given more."""

    def __init__(self) -> None:
        """Generation 1 writes from the first byte."""
        self.generation = 1
        self.accepted = 0

    def fence(self, generation: int) -> int:
        """From now on, take output of `generation` only; returns how many bytes were accepted."""
        if generation <= self.generation:
            raise ValueError(f"generation {generation} doesn't follow {self.generation}")
        self.generation = generation
        return self.accepted

    def accept(self, generation: int, offset: int, data: bytes) -> bytes:
        """The part of `data` that is new, or nothing from a generation that is fenced off."""
        if generation != self.generation:
            return b""
        if offset > self.accepted:
            raise SinkGapError(f"bytes {self.accepted} to {offset} of the console are missing")
        new = data[self.accepted - offset :]
        self.accepted += len(new)
        return new
