"""The machine's network: a thread that moves frames between passt's socket and hosts' rings.

Out: what the primary made and may leave (`ft.device_output`), each frame once; the other hosts' copies are dropped. In:
to the primary's ring; when it is full, passt isn't read any more, and slows its connections down.

A network may lose frames. That happens here when passt takes nothing for a while, ends (it is started again) or there
is no primary to take what comes; never does the machine wait for longer than STUCK_S.
"""

from __future__ import annotations

import ctypes
import dataclasses
import os
import select
import time
from collections.abc import Callable, Iterable

from lockstep.errors import InternalError, LockstepError
from lockstep.ft.device_output import FrameLedger, RingCounts
from lockstep.host.ethernet import NONSENSE, give_frames, memmove_address, take_frames
from lockstep.host.options import Forward
from lockstep.host.output_thread import OutputThread
from lockstep.host.passt import Passt, unread_bytes
from lockstep.log.numbered import NumberedRing, drop_below, want_wake
from lockstep.log.ring import WAKE_ALWAYS
from lockstep.log.shared import SharedRing

STUCK_S = 1.0
"""How long frames wait for a passt that takes none."""
RESTART_LIMIT_S = 1.0
RESTART_PAUSE_S_MAX = 5.0
LASTING_S = 10.0
"""A passt that ran for so long did work."""
FULL_WAIT_S_MIN, FULL_WAIT_S_MAX = 0.001, 0.01
"""Who empties a ring says nothing: how long until the next look."""
FOLLOWER_WAIT_S = 0.02
BATCH_BYTES = 1 << 18


@dataclasses.dataclass(frozen=True, slots=True)
class Link:
    """A host's rings, which stay the caller's, and how to wake it."""

    frames: NumberedRing
    """Consumed here."""
    inbound: SharedRing
    """Filled here."""
    doorbell: Callable[[], None]


class Buffer:
    """Bytes on their way, from `start` to `end`, at a fixed address."""

    def __init__(self, room: int) -> None:
        """Empty."""
        memory = (ctypes.c_char * room)()
        self.address, self.room = ctypes.addressof(memory), room
        self.bytes = memoryview(memory).cast("B")
        self.start = self.end = 0

    def __len__(self) -> int:
        """How many bytes are in it."""
        return self.end - self.start

    def used(self, count: int) -> None:
        """The first `count` bytes are no longer needed."""
        self.start += count
        if self.start == self.end:
            self.start = self.end = 0

    def move_to_start(self) -> None:
        """Make room behind."""
        if self.start:
            count = len(self)
            self.bytes[:count] = self.bytes[self.start : self.end]
            self.start, self.end = 0, count


class Network(OutputThread[Link]):
    """One run's network."""

    def __init__(
        self,
        forwards: Iterable[Forward] = (),
        say: Callable[[str], None] = lambda line: None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Start passt; see `Passt.start` for what can go wrong.

        `say` takes a line for the user, `changed` is called when the thread has failed: in the thread.
        """
        super().__init__("network", say, changed)
        self.lost_bytes = 0
        """Of frames that passt didn't take."""
        self.restarts = 0
        self._forwards = tuple(forwards)
        self._ledger = FrameLedger(self.roles)
        self._outgoing, self._incoming = Buffer(BATCH_BYTES), Buffer(BATCH_BYTES)
        self._memmove = memmove_address()
        self._blocked_since_s = 0.0
        """Since when the socket takes nothing; 0: it does."""
        self._full_wait_s = 0.0
        """How long to wait for room in the primary's inbound ring; 0: there is room."""
        self._restart_at_s = self._started_at_s = time.monotonic()
        self._restart_pause_s = 0.0
        try:
            self._passt: Passt | None = Passt.start(self._forwards)
            self._ended: Passt | None = None
        except BaseException:
            os.close(self.bell)
            raise

    # From other threads.

    def add(self, host: int, frames: NumberedRing, inbound: SharedRing, doorbell: Callable[[], None]) -> None:
        """`host` has come, with rings for frames that it puts out and that it gets; `doorbell` wakes it."""
        self.attach(host, Link(frames, inbound, doorbell))

    @property
    def sent(self) -> int:
        """How many frames since the guest's reset have left, or are lost."""
        return self._ledger.sent

    @property
    def is_drained(self) -> bool:
        """Whether all that may leave has left, or never will."""
        with self.lock:
            passt, primary = self._passt, self.primary
            if passt is None or primary is None or self._blocked_since_s:
                return True
            if len(self._outgoing) or unread_bytes(passt.wire):
                return False
            horizon, entry = primary.frames.ring.horizon(), primary.frames.ring.peek()
            return entry is None or entry.position > horizon

    def close(self) -> None:
        """Send what may leave still, stop, and end passt. May be called again."""
        if self.is_closing:
            return
        self.stop()
        for passt in (self._passt, self._ended):
            if passt is not None:
                passt.stop()
        self._passt = self._ended = None

    # The thread.

    def take_over(self, before: Link | None) -> None:
        """See `OutputThread`. What the old primary hasn't taken goes to the new one first."""
        after = self.primary
        if before is not None and after is not None:
            for entry in before.inbound.waiting():
                after.inbound.append(entry.kind, entry.position, entry.pc, entry.payload)
            after.doorbell()

    def step(self) -> bool:
        """See `OutputThread`. Frames that may leave do so before it stops."""
        if self._ended is not None:
            self._bury(self._ended)
        if self._passt is None and not self.is_closing and time.monotonic() >= self._restart_at_s:
            self._restart()
        is_closing = self.is_closing  # looked at first: what was made before is moved still
        with self.lock:
            moved = self._send() | self._receive()
            if moved or is_closing:
                return moved
            events = self._prepare_to_sleep()
        if events is not None:
            self._sleep(*events)
        return True

    def _send(self) -> bool:
        """Move frames out; whether any went."""
        if self._passt is None:
            self._drop_released()
            return False
        if not len(self._outgoing):
            self._collect()
        if not len(self._outgoing):
            return False
        try:
            count = self._passt.wire.send(self._outgoing.bytes[self._outgoing.start : self._outgoing.end])
        except BlockingIOError:
            now_s = time.monotonic()
            self._blocked_since_s = self._blocked_since_s or now_s
            if now_s - self._blocked_since_s >= STUCK_S:
                self._drop_released()
            return False
        except OSError:
            self._passt_ended()
            return False
        self._blocked_since_s = 0.0
        self._outgoing.used(count)
        return True

    def _collect(self) -> None:
        """Take from the primary's ring what may leave; drop from the others' what has left."""
        primary = self.primary
        if primary is not None:
            is_half_full = primary.frames.ring.used() * 2 > primary.frames.ring.capacity_bytes
            self._outgoing.start, self._outgoing.end = 0, self._take(primary.frames)
            if is_half_full and len(self._outgoing):
                primary.doorbell()  # it may have waited for room
        for link in self.links.values():
            if link is not primary:
                _checked(drop_below(link.frames.ring.base, self._ledger.sent))

    def _take(self, ring: NumberedRing) -> int:
        """To the buffer, which is empty: bytes."""
        made, first = ring.made, ring.first_number
        if made is None:
            return 0
        _checked(drop_below(ring.ring.base, self._ledger.sent))
        numbers = self._ledger.next(RingCounts(first=first, made=made))
        count = _checked(
            take_frames(
                ring.ring.base, numbers.stop, self._outgoing.address, self._outgoing.room, self._memmove
            )
        )
        self._ledger.send(ring.next_number)
        return count

    def _lose(self, count: int) -> None:
        self.lost_bytes += count
        self._outgoing.used(count)

    def _drop_released(self) -> None:
        """Nobody takes frames: lose what the primary made, but for the rest of what was begun."""
        kept, self._outgoing = self._outgoing, Buffer(BATCH_BYTES)
        self._collect()
        while len(self._outgoing):
            self._lose(len(self._outgoing))
            self._collect()
        self._outgoing = kept

    def _receive(self) -> bool:
        """Move frames in; whether any came."""
        incoming, primary = self._incoming, self.primary
        if primary is not None:
            self._full_wait_s = self._wait_for_room_s(primary.inbound)
        if self._passt is not None and incoming.end < incoming.room and not self._full_wait_s:
            try:
                count = self._passt.wire.recv_into(incoming.bytes[incoming.end :])
                if count == 0:
                    self._passt_ended()
                    return True
                incoming.end += count
            except BlockingIOError:
                return False
            except OSError:
                self._passt_ended()
                return True
        if not len(incoming) or primary is None:
            return False
        used = give_frames(primary.inbound.base, incoming.address + incoming.start, len(incoming))
        if used == NONSENSE:
            self._passt_ended()
            return True
        incoming.used(used)
        incoming.move_to_start()
        if used:
            primary.doorbell()
        return used > 0

    def _wait_for_room_s(self, inbound: SharedRing) -> float:
        """Half of a ring has room for all that may be in the buffer."""
        if inbound.used() * 2 <= inbound.capacity_bytes:
            return 0.0
        return min(max(self._full_wait_s * 2, FULL_WAIT_S_MIN), FULL_WAIT_S_MAX)

    def _prepare_to_sleep(self) -> tuple[int, float | None] | None:
        """What to wait for of the socket, and for how long; None: there is something to do."""
        primary = self.primary
        waits_s = []
        events = 0
        if primary is not None:
            want_wake(primary.frames.ring.base, WAKE_ALWAYS)
            if not len(self._outgoing) and self._passt is not None:
                self._collect()
                if len(self._outgoing):
                    return None
        for link in self.links.values():
            made = link.frames.made
            if link is not primary and made is not None and made < self._ledger.sent:
                waits_s.append(FOLLOWER_WAIT_S)
        if self._passt is None:
            waits_s.append(max(self._restart_at_s - time.monotonic(), 0.0))
        else:
            if not self._full_wait_s and primary is not None:
                events |= select.POLLIN
            if len(self._outgoing):
                events |= select.POLLOUT
                waits_s.append(STUCK_S)
        if self._full_wait_s:
            waits_s.append(self._full_wait_s)
        return events, min(waits_s, default=None)

    def _sleep(self, events: int, wait_s: float | None) -> None:
        poll = select.poll()
        poll.register(self.bell, select.POLLIN)
        passt = self._passt
        if passt is not None:
            poll.register(passt.wire, events)
        for descriptor, event in poll.poll(None if wait_s is None else max(wait_s * 1000, 1)):
            if descriptor == self.bell:
                os.eventfd_read(self.bell)
            elif event & (select.POLLHUP | select.POLLERR) and not event & select.POLLIN:
                with self.lock:
                    self._passt_ended()

    def _passt_ended(self) -> None:
        """Its end of the socket is closed, or might as well be."""
        passt, self._passt = self._passt, None
        assert passt is not None
        self._lose(len(self._outgoing))
        self._incoming.used(len(self._incoming))
        self._blocked_since_s = self._full_wait_s = 0.0
        now_s = time.monotonic()
        if now_s - self._started_at_s >= LASTING_S:
            self._restart_pause_s = 0.0
        self._restart_at_s = now_s + self._restart_pause_s
        self._restart_pause_s = min(max(2 * self._restart_pause_s, 0.1), RESTART_PAUSE_S_MAX)
        self._ended = passt

    def _bury(self, passt: Passt) -> None:
        self._ended = None
        words = passt.last_words()
        passt.stop()
        self.say(
            f"passt ended{f' ({words})' if words else ''}: the guest's connections to the outside are lost"
        )

    def _restart(self) -> None:
        try:
            passt = Passt.start(self._forwards, RESTART_LIMIT_S)
        except LockstepError as error:
            if self._restart_pause_s < RESTART_PAUSE_S_MAX:
                self.say(f"the guest has no network for now: {error}")
            self._restart_pause_s = min(max(2 * self._restart_pause_s, 0.1), RESTART_PAUSE_S_MAX)
            self._restart_at_s = time.monotonic() + self._restart_pause_s
            return
        with self.lock:
            self._passt = passt
        self._started_at_s = time.monotonic()
        self.restarts += 1


def _checked(result: int) -> int:
    if result < 0:
        raise InternalError(f"a host's frames are damaged (code {result})")
    return result
