"""What travels on the TCP channel: frames with a checksum, after a handshake that proves knowledge of the secret.

    frame     length int32 | crc32 of the length | crc32 of the body | body
    to the secondary, DATA   horizon int64, then entries: kind int32, length int32, position int64, pc int64, payload
    to the primary,   ACK    held int64 (a horizon: all below it is held), executed int64 (a position)

Each side sends a random challenge and answers the other's with an HMAC-SHA256 keyed by the pair's secret, over the
challenge and its own role, so that neither can be replayed against the other.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import struct
import zlib
from collections.abc import Iterable, Iterator

from lockstep.errors import LogError
from lockstep.log.entry import Entry

CHALLENGE_BYTES = 32
FRAME_BYTES_MAX = 1 << 24
_LENGTH = struct.Struct("<i")
_FRAME = struct.Struct("<iII")
_ENTRY = struct.Struct("<iiqq")
_HORIZON = struct.Struct("<q")
_ACK = struct.Struct("<qq")


class ChannelError(LogError):
    """The other end of the channel isn't what it should be, or garbled what it sent."""


def prove(connection: socket.socket, secret: bytes, own_role: bytes, other_role: bytes) -> None:
    """Shake hands; `ChannelError` if the other end doesn't know `secret`."""
    challenge = os.urandom(CHALLENGE_BYTES)
    connection.sendall(challenge)
    theirs = receive_exactly(connection, CHALLENGE_BYTES)
    connection.sendall(hmac.digest(secret, own_role + theirs, hashlib.sha256))
    answer = receive_exactly(connection, hashlib.sha256().digest_size)
    if not hmac.compare_digest(answer, hmac.digest(secret, other_role + challenge, hashlib.sha256)):
        raise ChannelError("the other end of the log's channel doesn't know the pair's secret")


def receive_exactly(connection: socket.socket, size: int) -> bytes:
    """`size` bytes; `ChannelError` if the other end closes before."""
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise ChannelError("the other end of the log's channel is gone")
        data += piece
    return bytes(data)


def frame(body: bytes) -> bytes:
    """`body` as it travels."""
    return _FRAME.pack(len(body), _length_checksum(len(body)), zlib.crc32(body)) + body


def _length_checksum(length: int) -> int:
    """A damaged length must not be waited for: the bytes that it promises may take minutes to come."""
    return zlib.crc32(_LENGTH.pack(length))


def receive_frame(connection: socket.socket) -> bytes:
    """The body of the next frame."""
    length, length_checksum, checksum = _FRAME.unpack(receive_exactly(connection, _FRAME.size))
    if _length_checksum(length) != length_checksum or not 0 <= length <= FRAME_BYTES_MAX:
        raise ChannelError("a frame of the log's channel has a damaged length")
    body = receive_exactly(connection, length)
    if zlib.crc32(body) != checksum:
        raise ChannelError("a frame of the log's channel was damaged on its way")
    return body


def encode_data(horizon: int, entries: Iterable[Entry]) -> bytes:
    """A DATA body."""
    parts = [_HORIZON.pack(horizon)]
    for entry in entries:
        parts += [_ENTRY.pack(entry.kind, len(entry.payload), entry.position, entry.pc), entry.payload]
    return b"".join(parts)


def decode_data(body: bytes) -> tuple[int, Iterator[tuple[int, int, int, bytes]]]:
    """The horizon of a DATA body, and its entries as (kind, position, pc, payload)."""

    def entries() -> Iterator[tuple[int, int, int, bytes]]:
        at = _HORIZON.size
        while at < len(body):
            kind, length, position, pc = _ENTRY.unpack_from(body, at)
            at += _ENTRY.size
            yield kind, position, pc, body[at : at + length]
            at += length

    return _HORIZON.unpack_from(body)[0], entries()


def encode_ack(held: int, executed: int) -> bytes:
    """An ACK body."""
    return _ACK.pack(held, executed)


def decode_ack(body: bytes) -> tuple[int, int]:
    """`held` and `executed` of an ACK body."""
    held, executed = _ACK.unpack(body)
    return held, executed
