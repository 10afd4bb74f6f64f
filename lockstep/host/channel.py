"""The channel between the hosts of a pair: shared memory, or TCP between two rings of which each host has one.

To the machine's thread a channel is always a ring: the primary appends to it, the secondary consumes from it. Over
TCP a thread on each side carries entries from the primary's ring to the secondary's, and acknowledgements back.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from lockstep.errors import LogError
from lockstep.host.frames import (
    ChannelError,
    decode_ack,
    decode_data,
    encode_ack,
    encode_data,
    frame,
    prove,
    receive_frame,
)
from lockstep.log.entry import Entry
from lockstep.log.shared import SharedRing

LOOPBACK = "127.0.0.1"
RING_BYTES = 1 << 22
CARRY_EVERY_S = 0.0005
ACK_LIMIT_S = 1.0
"""A secondary that acknowledges nothing for so long counts as lost."""
CONNECT_LIMIT_S = 10.0
HANDSHAKE_LIMIT_S = 2.0
_FRAME_ENTRIES_MAX = 512
_FRAME_PAYLOAD_MAX = 1 << 20
_BREAKS = (OSError, LogError, struct.error)
"""What breaks a connection: it is gone, or what it brought makes no sense."""
_PRIMARY, _SECONDARY = b"primary", b"secondary"


class Channel(Protocol):
    """One side's view of the log's way to the other host."""

    ring: SharedRing
    holds_what_is_published: bool
    """Whether the other side holds what this one publishes, at once."""

    def held(self) -> int:
        """The horizon up to which the secondary holds every entry."""

    def cut(self) -> None:
        """On the secondary: take nothing more; what was taken stays."""

    def close(self) -> None:
        """Let go of everything."""


class SharedMemoryChannel:
    """Both hosts map the same ring. What is in it outlives the primary."""

    holds_what_is_published = True

    def __init__(self, ring: SharedRing) -> None:
        """Own `ring`."""
        self.ring = ring

    def held(self) -> int:
        """What is published is held."""
        return self.ring.horizon()

    def cut(self) -> None:
        """Seal the ring: what a slow primary appends from now on is never seen."""
        self.ring.seal()

    def close(self) -> None:
        """Unmap the ring."""
        self.ring.close()


class TcpPrimaryChannel:
    """The primary's end: sends what its machine appends, waits for acknowledgements."""

    holds_what_is_published = False

    def __init__(
        self, port: int, secret: bytes, generation: int, secondary: int, lost: Callable[[str], None]
    ) -> None:
        """Connect to the secondary. `lost` is called once, from a thread, if the connection breaks."""
        self.ring = SharedRing.create(RING_BYTES, generation, secondary)
        self._lost = lost
        self._lost_lock = threading.Lock()
        self._held = 0
        self._closing = False
        self._heard_at_s = time.monotonic()
        try:
            self._connection = _connect(port, secret)
        except BaseException:
            self.ring.close()
            raise
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), daemon=True)
            for work in (self._send, self._hear)
        ]
        for thread in self._threads:
            thread.start()

    def held(self) -> int:
        """What the secondary has acknowledged."""
        return self._held

    def cut(self) -> None:
        """Only a secondary cuts."""
        raise ChannelError("a primary can't cut its own log")

    def close(self) -> None:
        """Stop carrying."""
        with self._lost_lock:
            self._closing = True
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._connection.close()
        self.ring.close()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except _BREAKS as error:
            with self._lost_lock:
                is_first, self._closing = not self._closing, True
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
            if is_first:
                self._lost(str(error))

    def _send(self) -> None:
        sent_horizon = -1
        while not self._closing:
            horizon = self.ring.horizon()
            entries = self._take()
            if entries or horizon != sent_horizon:
                # Entries that didn't fit this frame are below the horizon: it goes with the last of them.
                is_all = len(entries) < _FRAME_ENTRIES_MAX and self.ring.peek() is None
                claimed = horizon if is_all else sent_horizon
                self._connection.sendall(frame(encode_data(max(claimed, 0), entries)))
                sent_horizon = claimed
            else:
                time.sleep(CARRY_EVERY_S)
            if time.monotonic() - self._heard_at_s > ACK_LIMIT_S:
                raise ChannelError("the secondary acknowledges nothing any more")

    def _take(self) -> list[Entry]:
        entries: list[Entry] = []
        payload = 0
        while len(entries) < _FRAME_ENTRIES_MAX and payload < _FRAME_PAYLOAD_MAX:
            entry = self.ring.peek()
            if entry is None:
                break
            self.ring.pop()
            entries.append(entry)
            payload += len(entry.payload)
        return entries

    def _hear(self) -> None:
        while not self._closing:
            held, executed = decode_ack(receive_frame(self._connection))
            self._heard_at_s = time.monotonic()
            self._held = max(self._held, held)
            self.ring.acknowledge(executed)


class TcpSecondaryChannel:
    """The secondary's end: puts what arrives into its ring, acknowledges it."""

    holds_what_is_published = False

    def __init__(self, listener: socket.socket, secret: bytes, generation: int, secondary: int) -> None:
        """Wait for the primary on `listener`, in a thread."""
        self.ring = SharedRing.create(RING_BYTES, generation, secondary)
        self._listener, self._secret = listener, secret
        self._connection: socket.socket | None = None
        self._lock = threading.Lock()
        self._is_cut = False
        self.failure: Exception | None = None
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def held(self) -> int:
        """What has arrived."""
        return self.ring.horizon()

    def cut(self) -> None:
        """No acknowledgement after this; what arrived stays."""
        with self._lock:
            self._is_cut = True
            if self._connection is not None:
                with contextlib.suppress(OSError):
                    self._connection.shutdown(socket.SHUT_RDWR)
            self.ring.seal()

    def close(self) -> None:
        """Stop carrying."""
        if not self._is_cut:
            self.cut()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        if self._connection is not None:
            self._connection.close()
        self.ring.close()

    def _carry(self) -> None:
        connection = None
        try:
            connection = self._accept()
            prepare(connection)
            threading.Thread(target=self._acknowledge, args=(connection,), daemon=True).start()
            while True:
                self._put(*decode_data(receive_frame(connection)))
        except _BREAKS as error:
            if not self._is_cut:
                self.failure = error
            if connection is not None:
                # The primary is to hear that nothing more is taken: what isn't acknowledged holds its output up.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> socket.socket:
        """The connection of the primary; whoever else comes is turned away, and can't keep it waiting for long."""
        while True:
            connection, _ = self._listener.accept()
            connection.settimeout(HANDSHAKE_LIMIT_S)
            try:
                prove(connection, self._secret, _SECONDARY, _PRIMARY)
            except (OSError, ChannelError):
                connection.close()
                continue
            with self._lock:
                if not self._is_cut:
                    self._connection = connection
                    return connection
            connection.close()
            raise ChannelError("the log was cut before its primary came")

    def _put(self, horizon: int, entries: Iterator[tuple[int, int, int, bytes]]) -> None:
        for kind, position, pc, payload in entries:
            while True:
                with self._lock:
                    if self._is_cut:
                        return
                    if self.ring.append(kind, position, pc, payload) is not None:
                        break
                time.sleep(CARRY_EVERY_S)
        with self._lock:
            if not self._is_cut:
                self.ring.publish(horizon)

    def _acknowledge(self, connection: socket.socket) -> None:
        said, said_at_s = (-1, -1), 0.0
        with contextlib.suppress(OSError):
            while not self._is_cut:
                now_s = time.monotonic()
                with self._lock:
                    if self._is_cut:
                        return
                    news = self.ring.horizon(), self.ring.acknowledged()
                    if news != said or now_s - said_at_s > ACK_LIMIT_S / 4:
                        connection.sendall(frame(encode_ack(*news)))
                        said, said_at_s = news, now_s
                time.sleep(CARRY_EVERY_S)


def _connect(port: int, secret: bytes) -> socket.socket:
    connection = socket.create_connection((LOOPBACK, port), CONNECT_LIMIT_S)
    try:
        prove(connection, secret, _PRIMARY, _SECONDARY)
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: socket.socket) -> None:
    """Set a connection up for small frames both ways, and for noticing a peer that vanished."""
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


def listen() -> socket.socket:
    """A socket on which a secondary waits for its primary."""
    return socket.create_server((LOOPBACK, 0), backlog=8)


def new_secret() -> bytes:
    """What both hosts of a pair know, and nobody else."""
    return os.urandom(32)
