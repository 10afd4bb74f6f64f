"""The source's side of input (rule 4): numbered bytes, kept until they are in the log. No I/O."""

from __future__ import annotations


class SourceGapError(Exception):
    """A survivor lacks input that was confirmed: bytes would be lost."""


class SourceLedger:
    """Live console input: what arrived, what was offered, what is confirmed."""

    def __init__(self) -> None:
        """Nothing has arrived."""
        self._kept = bytearray()
        self.confirmed = 0
        self.offered = 0

    @property
    def kept_bytes(self) -> int:
        """How much waits to be confirmed."""
        return len(self._kept)

    @property
    def arrived(self) -> int:
        """Bytes that have arrived in all."""
        return self.confirmed + len(self._kept)

    def arrive(self, data: bytes) -> None:
        """The world typed `data`."""
        self._kept += data

    def confirm(self, count: int) -> None:
        """The first `count` bytes are in the log."""
        if count > self.confirmed:
            del self._kept[: count - self.confirmed]
            self.confirmed = count

    def rewind(self, count: int) -> None:
        """A survivor has the first `count` bytes: offer it the rest."""
        if count < self.confirmed:
            raise SourceGapError(f"bytes {count} to {self.confirmed} of the input are missing")
        self.confirm(count)
        self.offered = count

    def offer(self, bytes_max: int) -> tuple[int, bytes]:
        """The next piece to give the primary, with its offset; at most `bytes_max` may be unconfirmed."""
        room = max(self.confirmed + bytes_max - self.offered, 0)
        start = self.offered - self.confirmed
        data = bytes(self._kept[start : start + room])
        offset = self.offered
        self.offered += len(data)
        return offset, data
