"""A driver of virtio-blk, for tests."""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass

from virtio_driver import Driver, Segment, serve

from lockstep.machine.machine import Machine, Stop

SECTOR = 512


@dataclass(frozen=True)
class Request:
    """A request under way."""

    head: int
    status_at: int
    data_at: int
    data_bytes: int


class DiskDriver(Driver):
    """Requests to one disk, one at a time unless they are submitted by hand."""

    def __init__(self, machine: Machine, disk: int = 0, *, size: int = 256, without: int = 0) -> None:
        super().__init__(machine, disk, size=size, without=without)

    def submit(
        self,
        kind: int,
        sector: int = 0,
        data: bytes = b"",
        *,
        read_bytes: int = 0,
        pieces: int = 1,
        indirect: bool = False,
    ) -> Request:
        """Make a request available: `data` goes to the disk, `read_bytes` come from it, in so many `pieces`."""
        header = struct.pack("<IIQ", kind, 0, sector & 2**64 - 1)
        header_at, status_at = self.room(16, header), self.room(1)
        data_at = self.room(max(len(data), read_bytes), data)
        segments: list[Segment] = [(header_at, 16, False)]
        length = len(data) or read_bytes
        edges = [length * piece // pieces for piece in range(pieces + 1)]
        for first, end in itertools.pairwise(edges):
            if end > first:
                segments.append((data_at + first, end - first, not data))
        segments.append((status_at, 1, True))
        return Request(self.add(segments, indirect=indirect), status_at, data_at, read_bytes)

    def result(self, request: Request) -> tuple[int, bytes]:
        """Status and data of a request that is done."""
        return self.peek(request.status_at, 1)[0], self.peek(request.data_at, request.data_bytes)

    def do(
        self,
        kind: int,
        sector: int = 0,
        data: bytes = b"",
        *,
        read_bytes: int = 0,
        pieces: int = 1,
        indirect: bool = False,
    ) -> tuple[int, bytes]:
        """Have a request served that completes at once."""
        request = self.submit(kind, sector, data, read_bytes=read_bytes, pieces=pieces, indirect=indirect)
        self.notify()
        assert serve(self.machine) == Stop.REACHED
        heads = [head for head, _ in self.used()]
        assert heads == [request.head], (heads, request)
        return self.result(request)
