"""A machine's state on its way to another host: snapshot and retained output, zero pages left out, compressed.

header (msgpack, length in front) | chunks: index, compressed length, zstd frame | index -1
"""

from __future__ import annotations

import os
import struct
from typing import Any, BinaryIO

import msgspec
import numpy as np
import zstandard

from lockstep.errors import InternalError
from lockstep.ft.outbox import Outbox
from lockstep.ft.output import Retention
from lockstep.host.host import Host
from lockstep.machine.snapshot import Snapshot, hart_bytes, settle

CHUNK_BYTES = 1 << 20
_CHUNK = struct.Struct("<qq")
_LENGTH = struct.Struct("<Q")
_LEVEL = 1


class Header(msgspec.Struct, frozen=True):
    """All of a machine but its RAM."""

    ram_bytes: int
    board: bytes
    harts: list[bytes]
    retained_base: int
    retained: bytes
    entries: dict[str, int]
    entry_bytes: int


def send_state(host: Host, descriptor: int) -> None:
    """Write the state of `host`, whose machine must stand still, to `descriptor`."""
    wires, retention = host.machine.wires, host.member.outbox.retention
    settle(wires.first_wiring)
    header = Header(
        ram_bytes=wires.ram.nbytes,
        board=wires.board.tobytes(),
        harts=[hart_bytes(wires, hart) for hart in range(len(wires.engines))],
        retained_base=retention.base,
        retained=retention.piece(retention.base, retention.end),
        entries=host.entries,
        entry_bytes=host.entry_bytes,
    )
    with os.fdopen(descriptor, "wb") as stream:
        body = msgspec.msgpack.encode(header)
        stream.write(_LENGTH.pack(len(body)) + body)
        compressor = zstandard.ZstdCompressor(level=_LEVEL)
        for index in range(0, wires.ram.nbytes, CHUNK_BYTES):
            chunk = wires.ram[index : index + CHUNK_BYTES]
            if chunk.view(np.uint64).any():
                frame = compressor.compress(chunk.data)
                stream.write(_CHUNK.pack(index, len(frame)))
                stream.write(frame)
        stream.write(_CHUNK.pack(-1, 0))


class _Counted:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.bytes = 0

    def exactly(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) != size:
            raise InternalError("the clone's state broke off: its primary died")
        self.bytes += size
        return data


def receive_state(host: Host, descriptor: int) -> int:
    """Make `host` the copy of the one whose state comes from `descriptor`; returns the bytes received."""
    machine = host.machine
    with os.fdopen(descriptor, "rb", buffering=CHUNK_BYTES) as raw:
        stream = _Counted(raw)
        (length,) = _LENGTH.unpack(stream.exactly(_LENGTH.size))
        header = msgspec.msgpack.decode(stream.exactly(length), type=Header)
        ram: Any = machine.wires.ram
        if header.ram_bytes != ram.nbytes:
            raise InternalError("a clone of another machine arrived")
        decompressor = zstandard.ZstdDecompressor()
        while True:
            index, size = _CHUNK.unpack(stream.exactly(_CHUNK.size))
            if index < 0:
                break
            chunk = decompressor.decompress(stream.exactly(size), max_output_size=CHUNK_BYTES)
            ram[index : index + len(chunk)] = np.frombuffer(chunk, np.uint8)
        machine.restore(Snapshot(None, header.board, tuple(header.harts)))
    host.member.outbox = Outbox(Retention(header.retained_base, header.retained))
    host.entries, host.entry_bytes = header.entries, header.entry_bytes
    return stream.bytes
