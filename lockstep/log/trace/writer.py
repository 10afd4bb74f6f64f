"""Writes a trace: appends whole frames, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import BinaryIO

import zstandard

from lockstep.log.trace.coding import EntryBatch
from lockstep.log.trace.description import Description, End, encode_record
from lockstep.log.trace.frames import (
    CHECKPOINT,
    CONTENT,
    DESCRIPTION,
    END,
    ENTRIES,
    FILE_HEADER,
    INDEX,
    TRACE_MAGIC,
    TRACE_VERSION,
    checkpoint_head,
    content_head,
    frame_header,
    trailer,
)

PIECE_BYTES = 1 << 20
"""How much of the guest's files is written at once."""
_LEVEL = 3
_OFFSET_BYTES = 8


class TraceWriter:
    """Appends to an empty file, or to a pipe: it never seeks. An OSError of the file goes through.

    A run's order: `disk` for each disk that is kept, `content` for each file, then `entries` and `checkpoint` as they
    come, `end`, `close`. A trace that breaks off anywhere is good up to its last whole frame. The guest's files go into
    it piece by piece between the first frames of entries: so the start of a run isn't held up, and one that breaks off
    early has its log.
    """

    def __init__(self, file: BinaryIO, description: Description) -> None:
        """Start the trace of the run that `description` is about."""
        self._file = file
        self._index = bytearray()
        self._pieces: deque[tuple[bytes, bytes]] = deque()
        self.bytes = 0
        """Written so far."""
        self.next_ordinal = 0
        """How many entries there are so far: the number of the next one."""
        self._last_position = 0
        self._write(FILE_HEADER.pack(TRACE_MAGIC, TRACE_VERSION))
        self._frame(DESCRIPTION, encode_record(description))

    def content(self, role: str, data: bytes) -> None:
        """One of the guest's files, by its role in the description."""
        for offset in range(0, len(data), PIECE_BYTES):
            self._pieces.append((content_head(role, offset, len(data)), data[offset : offset + PIECE_BYTES]))

    def disk(self, role: str, size_bytes: int, pieces: Iterable[tuple[int, bytes]]) -> None:
        """One of the guest's disks: offsets and contents of what isn't zeros, which go into the file at once."""
        for offset, data in pieces:
            self._write_content(content_head(role, offset, size_bytes), data)
        self._write_content(content_head(role, size_bytes, size_bytes), b"")

    def entries(self, first_ordinal: int, batch: EntryBatch, wall_ns: int) -> None:
        """The run's entries from number `first_ordinal` on, which must be `next_ordinal` (else ValueError)."""
        if first_ordinal != self.next_ordinal:
            raise ValueError(f"entry {first_ordinal} where entry {self.next_ordinal} is next")
        self._frame(
            ENTRIES,
            batch.body,
            first_ordinal=first_ordinal,
            entries=batch.count,
            first_position=batch.first_position,
            last_position=batch.last_position,
            wall_ns=wall_ns,
        )
        self.next_ordinal += batch.count
        self._last_position = batch.last_position
        self._write_piece()

    def checkpoint(
        self, ordinal: int, position: int, icount: int, console_bytes: int, wall_ns: int, body: bytes
    ) -> None:
        """The machine at a quiet point; `ordinal` is the first entry's that is not applied yet.

        Entries before that one may be written later; until they are, nobody starts from here.
        """
        self._frame(
            CHECKPOINT,
            checkpoint_head(icount, console_bytes) + body,
            first_ordinal=ordinal,
            first_position=position,
            last_position=position,
            wall_ns=wall_ns,
        )

    def end(self, result: End) -> None:
        """How the run ended."""
        while self._pieces:
            self._write_piece()
        position = self._last_position if result.position is None else result.position
        self._frame(
            END,
            encode_record(result),
            first_ordinal=self.next_ordinal,
            first_position=position,
            last_position=position,
            wall_ns=int(result.wall_s * 1e9),
        )

    def close(self) -> None:
        """Write the index and the trailer; the file stays open."""
        while self._pieces:
            self._write_piece()
        body = zstandard.ZstdCompressor(level=_LEVEL).compress(bytes(self._index))
        index_offset = self.bytes
        self._frame(INDEX, body)
        self._write(trailer(index_offset, self.bytes + len(trailer(0, 0))))

    def _write_piece(self) -> None:
        if self._pieces:
            self._write_content(*self._pieces.popleft())

    def _write_content(self, head: bytes, data: bytes) -> None:
        self._frame(CONTENT, head + zstandard.ZstdCompressor(level=_LEVEL).compress(data))

    def _frame(self, kind: int, body: bytes, **fields: int) -> None:
        header = frame_header(kind, body, **fields)
        self._index += self.bytes.to_bytes(_OFFSET_BYTES, "little") + header
        self._write(header)
        self._write(body)
        self._file.flush()

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]
        self.bytes += len(data)
