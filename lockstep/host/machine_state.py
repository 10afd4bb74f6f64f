"""A machine's state as a stream: for another host, a trace or a file. Zero pages are left out, the rest is compressed.

header (msgpack, length in front) | chunks: index, compressed length, zstd frame | index -1 | disks (`disk_state`)
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO, TypeVar

import msgspec
import numpy as np
import zstandard

from lockstep.errors import InternalError
from lockstep.host.disk_state import Reader, read_overlay, write_overlay
from lockstep.machine.machine import Machine
from lockstep.machine.snapshot import Snapshot, hart_bytes, settle

CHUNK_BYTES = 1 << 20
_CHUNK = struct.Struct("<qq")
_LENGTH = struct.Struct("<Q")
_LEVEL = 1
_Header = TypeVar("_Header", bound=msgspec.Struct)


class MachineHeader(msgspec.Struct, frozen=True):
    """All of a machine but its RAM, and what its host counted of its log."""

    ram_bytes: int
    board: bytes
    harts: list[bytes]
    entries: list[int]
    """Log entries taken, by kind."""
    entry_bytes: int


def write_machine(machine: Machine, stream: BinaryIO, *, disks_above: int = 0) -> None:
    """Write the state of `machine`, which stands still at a quiet point.

    Of its disks goes along what outputs from number `disks_above` on have written.
    """
    wires, control = machine.wires, machine.control
    settle(wires.first_wiring)
    header = MachineHeader(
        ram_bytes=wires.ram.nbytes,
        board=wires.board.tobytes(),
        harts=[hart_bytes(wires, hart) for hart in range(len(wires.engines))],
        entries=control["entries"].tolist(),
        entry_bytes=int(control["entry_bytes"]),
    )
    write_header(stream, header)
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    for index in range(0, wires.ram.nbytes, CHUNK_BYTES):
        chunk = wires.ram[index : index + CHUNK_BYTES]
        if chunk.view(np.uint64).any():
            frame = compressor.compress(chunk.data)
            stream.write(_CHUNK.pack(index, len(frame)))
            stream.write(frame)
    stream.write(_CHUNK.pack(-1, 0))
    write_overlay(machine, stream, disks_above)


def read_machine(machine: Machine, stream: Reader) -> None:
    """Become the machine that `write_machine` wrote.

    `machine` is of the same config; its RAM is all zeros, and its disks are as their files.
    `InternalError` if the stream breaks off or is about another machine.
    """
    header = read_header(stream, MachineHeader)
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
    read_overlay(machine, stream)
    machine.restore(Snapshot(None, header.board, tuple(header.harts)))
    machine.control["entries"], machine.control["entry_bytes"] = header.entries, header.entry_bytes


def _exactly(stream: Reader, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise InternalError("a machine's state broke off: its host died")
    return data


def write_header(stream: BinaryIO, header: msgspec.Struct) -> None:
    """Write `header` with its length in front."""
    body = msgspec.msgpack.encode(header)
    stream.write(_LENGTH.pack(len(body)) + body)


def read_header(stream: Reader, kind: type[_Header]) -> _Header:
    """Read a header of this kind. `InternalError` if the stream breaks off."""
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    return msgspec.msgpack.decode(_exactly(stream, length), type=kind)
