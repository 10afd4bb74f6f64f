"""What the run and its live view tell each other, on a Unix stream socket.

message   kind uint8 | length uint32 | body        body: raw bytes for OUTPUT and ACTION, msgpack for the others
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

# Run to view.
START, OUTPUT, STATUS, GOODBYE = 1, 2, 3, 4
# View to run.
ACTION = 5

_HEADER = struct.Struct("<BI")


class Start(msgspec.Struct, frozen=True):
    """What is run, and whether keys reach it."""

    guest: str
    takes_keys: bool


def encode(kind: int, body: bytes = b"") -> bytes:
    """One message as it travels."""
    return _HEADER.pack(kind, len(body)) + body


class Decoder:
    """Bytes as they come; whole messages out."""

    def __init__(self) -> None:
        """Nothing has come."""
        self._waiting = bytearray()

    def messages(self, data: bytes | memoryview) -> Iterator[tuple[int, bytes]]:
        """What is whole with `data`: kind and body."""
        self._waiting += data
        at = 0
        while len(self._waiting) - at >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._waiting, at)
            if len(self._waiting) - at - _HEADER.size < length:
                break
            at += _HEADER.size
            yield kind, bytes(self._waiting[at : at + length])
            at += length
        del self._waiting[:at]
