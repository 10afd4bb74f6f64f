"""What a guest's file comes to: pieces of RAM and where to start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """A piece of RAM with its first bytes; `zero_bytes` more are its own and start as zero."""

    name: str
    """What it is, for messages: "kernel vmlinux"."""
    address: int
    data: bytes
    zero_bytes: int = 0

    @property
    def end(self) -> int:
        """The address behind its last byte."""
        return self.address + len(self.data) + self.zero_bytes


@dataclass(frozen=True)
class Program:
    """A guest's program, placed: its segments (at least one, none overlaps another) and its entry."""

    segments: tuple[Segment, ...]
    entry: int

    @property
    def start(self) -> int:
        """The lowest address."""
        return min(segment.address for segment in self.segments)

    @property
    def end(self) -> int:
        """The address behind the highest byte."""
        return max(segment.end for segment in self.segments)
