"""A host's state on its way to another host, which becomes its copy: what it retains, then its machine.

header (msgpack, length in front) | the machine (`machine_state`)
"""

from __future__ import annotations

import io
import os
from typing import BinaryIO

import msgspec

from lockstep.ft.outbox import Outbox
from lockstep.ft.output import Retention
from lockstep.host.device_links import Retained
from lockstep.host.host import Host
from lockstep.host.machine_state import CHUNK_BYTES, read_header, read_machine, write_header, write_machine
from lockstep.log.entry import Entry

RawEntry = tuple[int, int, int, bytes]
"""Kind, position, pc and payload."""


class CloneHeader(msgspec.Struct, frozen=True):
    """What a host has besides its machine."""

    retained_base: int
    retained: bytes
    taped: list[RawEntry] | None
    """Entries that the trace may still lack; None: the run isn't traced."""
    disks: list[RawEntry] = []
    """Disk output that the sink may still lack; likewise, frames."""
    frames: list[RawEntry] = []


def send_state(
    host: Host, descriptor: int, taped: list[Entry] | None = None, retained: Retained = ([], [])
) -> None:
    """Write the state of `host`, whose machine must stand still, to `descriptor`.

    `taped` is what its tape held, `retained` the output of its devices that the sink may still lack.
    """
    retention = host.member.outbox.retention
    header = CloneHeader(
        retained_base=retention.base,
        retained=retention.piece(retention.base, retention.end),
        taped=None if taped is None else _raw(taped),
        disks=_raw(retained[0]),
        frames=_raw(retained[1]),
    )
    with os.fdopen(descriptor, "wb") as stream:
        write_header(stream, header)
        write_machine(host.machine, stream, disks_above=host.disks_above)


def receive_state(host: Host, descriptor: int) -> int | None:
    """Make `host` the copy of the one whose state comes from `descriptor`; returns the bytes received.

    None if nothing comes: the other one ended, died or was told otherwise before it made the copy. `InternalError` if
    what comes breaks off.
    """
    machine = host.machine
    with io.BufferedReader(io.FileIO(descriptor), CHUNK_BYTES) as raw:
        if not raw.peek(1):
            return None
        stream = _Counted(raw)
        header = read_header(stream, CloneHeader)
        read_machine(machine, stream)
    host.member.outbox = Outbox(Retention(header.retained_base, header.retained))
    if header.taped is not None and host.tape is not None:
        first_ordinal = int(machine.control["entries"].sum()) - len(header.taped)
        host.tape.begin_with(first_ordinal, _entries(header.taped))
    if host.devices is not None:
        host.devices.begin(machine, (_entries(header.disks), _entries(header.frames)))
    return stream.bytes


def _raw(entries: list[Entry]) -> list[RawEntry]:
    return [(one.kind, one.position, one.pc, one.payload) for one in entries]


def _entries(raw: list[RawEntry]) -> list[Entry]:
    return [
        Entry(kind, position, index, pc, payload) for index, (kind, position, pc, payload) in enumerate(raw)
    ]


class _Counted:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.bytes = 0

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self.bytes += len(data)
        return data
