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

    def arrive(self, offset: int, data: bytes, taken: int) -> None:
        """The source offered `data` from `offset` on; the machine has taken the first `taken` bytes.

        Raises `SourceGapError` if bytes before `offset` never came.
        """
        known = taken + len(self._waiting)
        if offset > known:
            raise SourceGapError(f"bytes {known} to {offset} of the input are missing")
        self._waiting += data[known - offset :]

    def take(self, room: int) -> bytes:
        """The next bytes to log and apply, at most `room`."""
        data = bytes(self._waiting[: max(room, 0)])
        del self._waiting[: len(data)]
        return data

    def logged(self, taken: int, position: int) -> None:
        """The first `taken` bytes are in the log, the last of them stamped `position`."""
        # An entry is held when the horizon is past its position.
        self._gate.made(taken, position + 1)

    def confirm(self, held: int) -> int | None:
        """How many bytes the secondary is sure to know of, if that is more than was said before."""
        count = self._gate.covered(held)
        if count <= self._confirmed:
            return None
        self._confirmed = count
        return count
