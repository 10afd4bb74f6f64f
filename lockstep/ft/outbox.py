"""A host's console output on its way to the sink: made, retained, released, sent, written. No I/O."""

from __future__ import annotations

from collections.abc import Iterator

from lockstep.ft.output import OutputGate, Retention

RETAINED_BYTES_MAX = 1 << 18
"""A guest whose output nobody takes stands still when this much of it waits."""
IN_FLIGHT_BYTES_MAX = 1 << 17
"""Output sent and not yet known to be written."""
PIECE_BYTES_MAX = 1 << 16


class Outbox:
    """What one machine wrote to its console, and how much of that is on its way."""

    retained_bytes_max = RETAINED_BYTES_MAX
    in_flight_bytes_max = IN_FLIGHT_BYTES_MAX
    piece_bytes_max = PIECE_BYTES_MAX

    def __init__(self, retention: Retention | None = None) -> None:
        """Nothing was sent; a clone starts with the `retention` of the machine that it copies."""
        self.retention = Retention() if retention is None else retention
        self.gate = OutputGate()
        self.sent = 0
        self._written = 0

    @property
    def has_room(self) -> bool:
        """Whether a live machine may write on."""
        return self.retention.end - self.retention.base < self.retained_bytes_max

    def made(self, data: bytes, position: int) -> None:
        """The machine made `data` before `position`."""
        self.retention.add(data)
        self.gate.made(self.retention.end, position)
        # A secondary that lags makes what the world has long had; as a survivor it may hear of that no more.
        self.written(self._written)

    def written(self, count: int) -> None:
        """The world has the first `count` bytes, from whomever."""
        self._written = max(count, self._written)
        self.retention.trim(count)
        self.gate.trim(count)

    def offer_from(self, sink_bytes: int) -> None:
        """This host goes live: everything that the sink lacks is to be sent (rule 3)."""
        self.sent = sink_bytes
        self.written(sink_bytes)

    def pieces(self, held: int) -> Iterator[tuple[int, bytes]]:
        """What may leave now that the secondary holds everything below `held` (rule 2): offsets and bytes.

        A piece counts as sent when the next one is asked for.
        """
        end = min(self.gate.covered(held), self.retention.base + self.in_flight_bytes_max)
        while self.sent < end:
            piece_end = min(end, self.sent + self.piece_bytes_max)
            yield self.sent, self.retention.piece(self.sent, piece_end)
            self.sent = piece_end
