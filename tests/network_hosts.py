"""A host as the network sees it: rings that a test fills and empties in the machine's place."""

from __future__ import annotations

import threading
import time

from lockstep.host.network import Network
from lockstep.log.numbered import NumberedRing
from lockstep.log.shared import SharedRing

LIMIT_S = 10.0


class NetworkHost:
    """One host's ends."""

    def __init__(
        self, number: int, network: Network, *, ring_bytes: int = 1 << 20, begins_at: int | None = 0
    ) -> None:
        self.number, self.network = number, network
        self.frames = NumberedRing(SharedRing.create(ring_bytes, 1, number))
        self.inbound = SharedRing.create(ring_bytes, 1, number)
        self.woken = threading.Event()
        self.position = 0
        network.add(number, self.frames, self.inbound, self.woken.set)
        if begins_at is not None:
            self.frames.begin(begins_at, [])

    def make(self, frame: bytes, *, released: bool = True) -> bool:
        """Put a frame out; False: there is no room."""
        self.position += 1
        if self.frames.ring.append(1, self.position, 0, frame) is None:
            return False
        if released:
            self.release()
        return True

    def release(self) -> None:
        """All that was made may leave."""
        self.frames.ring.publish(self.position)
        self.network.ring_bell()

    def take(self) -> bytes | None:
        """The next frame that came, if any has."""
        entry = self.inbound.peek()
        if entry is None:
            return None
        self.inbound.pop()
        return entry.payload

    def wait_for_frame(self) -> bytes:
        """The next frame, once it is there."""
        deadline_s = time.monotonic() + LIMIT_S
        while (frame := self.take()) is None:
            self.woken.clear()
            if (frame := self.take()) is not None:
                return frame
            assert self.woken.wait(deadline_s - time.monotonic()), "no frame came"
        return frame

    def close(self) -> None:
        self.network.remove(self.number)
        self.frames.close()
        self.inbound.close()
