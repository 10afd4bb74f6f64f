"""What a secondary tells onlookers (`lockstep watch`): the log entries that it takes, and what its guest writes.

Only while somebody watches. Nobody waits for an onlooker: what finds no room is counted and left out.
"""

from __future__ import annotations

import threading

from lockstep.host.messages import SeenEntry, Watched
from lockstep.log.shared import SharedRing
from lockstep.machine.machine import Machine

RING_BYTES = 1 << 20
ENTRIES_MAX = 256
"""In one message, which goes every beat: what more there is waits, and is left out if it comes too thick."""
CONSOLE_BYTES_MAX = 1 << 17


class Onlookers:
    """The machine thread shows what it does, in native code; the control thread passes it on."""

    def __init__(self, machine: Machine) -> None:
        """Nobody watches."""
        self._machine = machine
        self._ring: SharedRing | None = None
        self._console = bytearray()
        self._console_offset = self._console_lost = self._entries_lost = 0
        self._lock = threading.Lock()
        self.are_there = False

    def come(self) -> None:
        """Somebody watches from now on."""
        if self._ring is None:
            # Kept for good: the machine thread may be about to append to it at any time.
            self._ring = SharedRing.create(RING_BYTES, 1, 1)
        while self._ring.peek() is not None:
            self._ring.pop()
        self._entries_lost = int(self._machine.control["unshown"])
        self._console.clear()
        self._console_lost = 0
        self.are_there = True
        self._machine.control["shown"] = self._ring.base

    def leave(self) -> None:
        """Nobody watches any more, or there is nothing to be seen: the host isn't a secondary now."""
        self._machine.control["shown"] = 0
        self.are_there = False

    def written(self, data: bytes, offset: int) -> None:
        """The guest wrote `data`, after `offset` bytes before it."""
        if not self.are_there or not data:
            return
        with self._lock:
            if len(self._console) + len(data) > CONSOLE_BYTES_MAX:
                self._console_lost += len(data)
                return
            if self._console and self._console_offset + len(self._console) != offset:
                # After a loss: what goes out is one piece.
                self._console_lost += len(self._console)
                self._console.clear()
            if not self._console:
                self._console_offset = offset
            self._console += data

    def take(self) -> Watched | None:
        """What there is to be told; None: nothing."""
        if self._ring is None or not self.are_there:
            return None
        entries: list[SeenEntry] = []
        while len(entries) < ENTRIES_MAX and (entry := self._ring.peek()) is not None:
            # Where the log has the pc, this ring has the icount.
            entries.append((entry.kind, entry.pc, entry.position, entry.payload))
            self._ring.pop()
        unshown = int(self._machine.control["unshown"])
        entries_lost, self._entries_lost = unshown - self._entries_lost, unshown
        with self._lock:
            console, offset, console_lost = bytes(self._console), self._console_offset, self._console_lost
            self._console.clear()
            self._console_lost = 0
        if not (entries or console or entries_lost or console_lost):
            return None
        return Watched(
            entries=entries,
            entries_lost=entries_lost,
            console=console,
            console_offset=offset,
            console_lost=console_lost,
        )
