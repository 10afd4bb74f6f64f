"""A host's state on its way to another host, which becomes its copy: what it retains, then its machine.

header (msgpack, length in front) | the machine (`machine_state`)
"""

from __future__ import annotations

import os
from typing import BinaryIO

import msgspec

from lockstep.ft.outbox import Outbox
from lockstep.ft.output import Retention
from lockstep.host.host import Host
from lockstep.host.machine_state import CHUNK_BYTES, read_header, read_machine, write_header, write_machine
from lockstep.log.entry import Entry


class CloneHeader(msgspec.Struct, frozen=True):
    """What a host has besides its machine."""

    retained_base: int
    retained: bytes
    taped: list[tuple[int, int, int, bytes]] | None
    """Entries that the trace may still lack, as (kind, position, pc, payload); None: the run isn't traced."""


def send_state(host: Host, descriptor: int, taped: list[Entry] | None = None) -> None:
    """Write the state of `host`, whose machine must stand still, to `descriptor`; `taped` is what its tape held."""
    retention = host.member.outbox.retention
    header = CloneHeader(
        retained_base=retention.base,
        retained=retention.piece(retention.base, retention.end),
        taped=None if taped is None else [(one.kind, one.position, one.pc, one.payload) for one in taped],
    )
    with os.fdopen(descriptor, "wb") as stream:
        write_header(stream, header)
        write_machine(host.machine, stream)


def receive_state(host: Host, descriptor: int) -> int:
    """Make `host` the copy of the one whose state comes from `descriptor`; returns the bytes received."""
    machine = host.machine
    with os.fdopen(descriptor, "rb", buffering=CHUNK_BYTES) as raw:
        stream = _Counted(raw)
        header = read_header(stream, CloneHeader)
        read_machine(machine, stream)
    host.member.outbox = Outbox(Retention(header.retained_base, header.retained))
    if header.taped is not None and host.tape is not None:
        first_ordinal = int(machine.control["entries"].sum()) - len(header.taped)
        entries = [
            Entry(kind, position, index, pc, payload)
            for index, (kind, position, pc, payload) in enumerate(header.taped)
        ]
        host.tape.begin_with(first_ordinal, entries)
    return stream.bytes


class _Counted:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.bytes = 0

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self.bytes += len(data)
        return data
