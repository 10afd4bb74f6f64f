"""The output rule and retention (rules 2 and 3), without I/O.

Console output is a stream of bytes; `offset` counts the bytes before a piece since reset.
"""

from __future__ import annotations

from collections import deque


class Retention:
    """A machine's console output that the sink may still lack."""

    def __init__(self, base: int = 0, data: bytes = b"") -> None:
        """Start with `data`, made from offset `base` on."""
        self.base = base
        self._data = bytearray(data)

    @property
    def end(self) -> int:
        """How many bytes the machine has made since reset."""
        return self.base + len(self._data)

    def add(self, data: bytes) -> None:
        """The machine made `data`."""
        self._data += data

    def trim(self, written: int) -> None:
        """The world has the first `written` bytes."""
        surplus = min(written, self.end) - self.base
        if surplus > 0:
            del self._data[:surplus]
            self.base += surplus

    def piece(self, offset: int, end: int) -> bytes:
        """The bytes from `offset` to `end`, both within what is retained."""
        if offset < self.base or end > self.end:
            raise ValueError(f"bytes {offset} to {end} asked for, {self.base} to {self.end} retained")
        return bytes(self._data[offset - self.base : end - self.base])


class OutputGate:
    """Holds output back until what caused it is sure to survive.

    Output made before position C may leave once the secondary holds every entry and the horizon past C.
    """

    def __init__(self, released: int = 0) -> None:
        """All but the first `released` bytes are still held."""
        self.released = released
        self._held: deque[tuple[int, int]] = deque()

    def made(self, end: int, position: int) -> None:
        """Bytes up to `end` were made before `position`.

        That may be less than was said before: who looks while a block runs finds the position at the block's end, and a
        block can be left early. At the guest's end nothing comes after that would cover more.
        """
        while self._held and self._held[-1][1] > position:
            self._held.pop()
        if not self._held or self._held[-1][0] != end:
            self._held.append((end, position))

    def covered(self, horizon: int) -> int:
        """The secondary holds everything below `horizon`; returns how many bytes may have left by now."""
        while self._held and self._held[0][1] <= horizon:
            self.released = max(self.released, self._held.popleft()[0])
        return self.released

    def trim(self, written: int) -> None:
        """The world has the first `written` bytes, from whomever: nothing about them is to be remembered."""
        while self._held and self._held[0][0] <= written:
            self.released = max(self.released, self._held.popleft()[0])
