"""A machine's state on its way to another host, or into a trace: zero pages left out, compressed.

clone     header (msgpack, length in front) | machine
machine   header (msgpack, length in front) | chunks: index, compressed length, zstd frame | index -1
"""

from __future__ import annotations

import os
import struct
from typing import Any, BinaryIO, Protocol, TypeVar

import msgspec
import numpy as np
import zstandard

from lockstep.errors import InternalError
from lockstep.ft.outbox import Outbox
from lockstep.ft.output import Retention
from lockstep.host.host import Host
from lockstep.host.tape import Tape
from lockstep.log.entry import Entry
from lockstep.machine.machine import Machine
from lockstep.machine.snapshot import Snapshot, hart_bytes, settle

CHUNK_BYTES = 1 << 20
_CHUNK = struct.Struct("<qq")
_LENGTH = struct.Struct("<Q")
_LEVEL = 1
_Header = TypeVar("_Header", bound=msgspec.Struct)


class Reader(Protocol):
    """Where a state comes from."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, fewer only at the end."""


class MachineHeader(msgspec.Struct, frozen=True):
    """All of a machine but its RAM, and what its host counted of its log."""

    ram_bytes: int
    board: bytes
    harts: list[bytes]
    entries: list[int]
    """Log entries taken, by kind."""
    entry_bytes: int


class CloneHeader(msgspec.Struct, frozen=True):
    """What a host has besides its machine."""

    retained_base: int
    retained: bytes
    taped: list[tuple[int, int, int, bytes]] | None
    """Entries that the trace may still lack, as (kind, position, pc, payload); None: the run isn't traced."""


def write_machine(machine: Machine, stream: BinaryIO) -> None:
    """Write the state of `machine`, which stands still at a quiet point."""
    wires, control = machine.wires, machine.control
    settle(wires.first_wiring)
    header = MachineHeader(
        ram_bytes=wires.ram.nbytes,
        board=wires.board.tobytes(),
        harts=[hart_bytes(wires, hart) for hart in range(len(wires.engines))],
        entries=control["entries"].tolist(),
        entry_bytes=int(control["entry_bytes"]),
    )
    _write_header(stream, header)
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    for index in range(0, wires.ram.nbytes, CHUNK_BYTES):
        chunk = wires.ram[index : index + CHUNK_BYTES]
        if chunk.view(np.uint64).any():
            frame = compressor.compress(chunk.data)
            stream.write(_CHUNK.pack(index, len(frame)))
            stream.write(frame)
    stream.write(_CHUNK.pack(-1, 0))


def read_machine(machine: Machine, stream: Reader) -> None:
    """Become the machine that `write_machine` wrote: `machine`, whose RAM is all zeros, is of the same config.

    `InternalError` if the stream breaks off or is about another machine.
    """
    header = _read_header(stream, MachineHeader)
    ram: Any = machine.wires.ram
    if header.ram_bytes != ram.nbytes:
        raise InternalError("a clone of another machine arrived")
    decompressor = zstandard.ZstdDecompressor()
    while True:
        index, size = _CHUNK.unpack(_exactly(stream, _CHUNK.size))
        if index < 0:
            break
        chunk = decompressor.decompress(_exactly(stream, size), max_output_size=CHUNK_BYTES)
        ram[index : index + len(chunk)] = np.frombuffer(chunk, np.uint8)
    machine.restore(Snapshot(None, header.board, tuple(header.harts)))
    machine.control["entries"], machine.control["entry_bytes"] = header.entries, header.entry_bytes


def send_state(host: Host, descriptor: int, taped: list[Entry] | None = None) -> None:
    """Write the state of `host`, whose machine must stand still, to `descriptor`; `taped` is what its tape held."""
    retention = host.member.outbox.retention
    header = CloneHeader(
        retained_base=retention.base,
        retained=retention.piece(retention.base, retention.end),
        taped=None if taped is None else [(one.kind, one.position, one.pc, one.payload) for one in taped],
    )
    with os.fdopen(descriptor, "wb") as stream:
        _write_header(stream, header)
        write_machine(host.machine, stream)


def receive_state(host: Host, descriptor: int) -> int:
    """Make `host` the copy of the one whose state comes from `descriptor`; returns the bytes received."""
    machine = host.machine
    with os.fdopen(descriptor, "rb", buffering=CHUNK_BYTES) as raw:
        stream = _Counted(raw)
        header = _read_header(stream, CloneHeader)
        read_machine(machine, stream)
    host.member.outbox = Outbox(Retention(header.retained_base, header.retained))
    if header.taped is not None:
        first_ordinal = int(machine.control["entries"].sum()) - len(header.taped)
        entries = [
            Entry(kind, position, index, pc, payload)
            for index, (kind, position, pc, payload) in enumerate(header.taped)
        ]
        host.keep_tape(Tape(first_ordinal, entries))
    return stream.bytes


class _Counted:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.bytes = 0

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self.bytes += len(data)
        return data


def _exactly(stream: Reader, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise InternalError("a machine's state broke off: its host died")
    return data


def _write_header(stream: BinaryIO, header: msgspec.Struct) -> None:
    body = msgspec.msgpack.encode(header)
    stream.write(_LENGTH.pack(len(body)) + body)


def _read_header(stream: Reader, kind: type[_Header]) -> _Header:
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    return msgspec.msgpack.decode(_exactly(stream, length), type=kind)
