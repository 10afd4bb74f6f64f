"""Live input at a host (rule 4): which of it is new, and what the source need not keep any more. No I/O."""

from __future__ import annotations

from lockstep.ft.output import OutputGate
from lockstep.ft.source import SourceGapError


class Inbox:
    """Numbered input on its way into the log of a live host."""

    def __init__(self) -> None:
        """Nothing has come."""
        self._waiting = bytearray()
        self._gate = OutputGate()
        self._confirmed = 0

    def __bool__(self) -> bool:
        """Whether anything waits for the machine."""
        return bool(self._waiting)

    @property
    def waiting(self) -> int:
        """How many bytes wait for the machine."""
        return len(self._waiting)

    def arrive(self, offset: int, data: bytes, taken: int) -> None:
        """The source offered `data` from `offset` on; the machine has taken the first `taken` bytes.

        Raises `SourceGapError` if bytes before `offset` never came.
        """
        known = taken + len(self._waiting)
        if offset > known:
            raise SourceGapError(f"bytes {known} to {offset} of the input are missing")
        self._waiting += data[known - offset :]

    def next(self, room: int) -> bytes:
        """The bytes to log and apply now, at most `room`. They wait until they are `logged`: the log may be full."""
        return bytes(self._waiting[: max(room, 0)])

    def logged(self, count: int, taken: int, position: int) -> None:
        """The next `count` bytes were logged and applied, stamped `position`: the machine has `taken` in all."""
        del self._waiting[:count]
        # An entry is held when the horizon is past its position.
        self._gate.made(taken, position + 1)

    def confirm(self, held: int) -> int | None:
        """How many bytes the secondary is sure to know of, if that is more than was said before."""
        count = self._gate.covered(held)
        if count <= self._confirmed:
            return None
        self._confirmed = count
        return count
