"""Reads a trace: the whole of one that was ended in good order, the whole frames of one that breaks off.

Where there is an index, it says where the frames are, and a frame's checksum is looked at when it is read. Where there
is none, all frames are read from the front. A file that has a whole frame behind one that is not whole doesn't break
off, it is damaged: that is refused, as nobody can know what is missing.
"""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import zstandard

from lockstep.errors import TraceError
from lockstep.log.trace.coding import decode_entries
from lockstep.log.trace.columns import EntryColumns
from lockstep.log.trace.description import Description, End, decode_record
from lockstep.log.trace.frames import (
    CHECKPOINT,
    CHECKPOINT_HEAD_BYTES,
    CONTENT,
    CONTENT_HEAD_BYTES,
    DESCRIPTION,
    END,
    ENTRIES,
    FILE_HEADER,
    FRAME_BYTES,
    INDEX,
    PLACED_FRAME,
    TRACE_MAGIC,
    TRACE_VERSION,
    TRAILER_BYTES,
    PlacedFrames,
    parse_checkpoint_head,
    parse_content_head,
    parse_trailer,
)
from lockstep.log.trace.scan import read_frame, scan_frames


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """Where the machine's whole state is kept."""

    ordinal: int
    """The first entry that isn't applied yet."""
    position: int
    icount: int
    console_bytes: int
    """What the guest had written to its console."""
    wall_ns: int
    frame: int
    """Number of its frame."""


class TraceReader:
    """An open trace. TraceError, one line, for all that can be wrong with it."""

    def __init__(self, path: Path) -> None:
        """Open the trace at `path` and find its frames."""
        self.path = path
        self._descriptor = _open(path)
        try:
            self.size_bytes = os.fstat(self._descriptor).st_size
            self._check_file_header()
            indexed = self._indexed_frames()
            self.has_index = indexed is not None
            """Whether it was ended in good order."""
            self.frames: PlacedFrames = self._scanned_frames() if indexed is None else indexed
            """All frames in the file's order but the index, as PLACED_FRAME."""
            self._check_order()
            self.description: Description = decode_record(self.body(0), Description)
            self.end: End | None = self._read_end()
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> TraceReader:
        """Close at the end of a `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the file. May be called again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def is_complete(self) -> bool:
        """Whether it goes to the run's end."""
        return self.end is not None

    @property
    def whole_bytes(self) -> int:
        """Up to where the file is good."""
        last: Any = self.frames[-1]
        return self.size_bytes if self.has_index else _frame_end(last)

    @property
    def entries_count(self) -> int:
        """How many entries of the log."""
        return int(self._of_kind(ENTRIES)["frame"]["entries"].sum())

    @property
    def last_position(self) -> int:
        """Where a replay ends: all entries stamped below are in the trace."""
        return int(self.frames["frame"]["last_position"][self._is_reached].max())

    @property
    def _is_reached(self) -> Any:
        """Which frames are about a place such that all entries before it are in the trace."""
        return self.frames["frame"]["first_ordinal"] <= self.entries_count

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """All of them, in order. Only their bodies' checksums tell whether what is said here is right."""
        (numbers,) = np.nonzero((self.frames["frame"]["kind"] == CHECKPOINT) & self._is_reached)
        return [self._checkpoint(int(number)) for number in numbers]

    def checkpoint_body(self, checkpoint: Checkpoint) -> bytes:
        """The machine's state, as it was given to the writer."""
        return self.body(checkpoint.frame)[CHECKPOINT_HEAD_BYTES:]

    def disk_pieces(self, role: str) -> Iterator[tuple[int, bytes]]:
        """Offsets and contents of what isn't zeros of one of the guest's disks. TraceError if they aren't all there."""
        for number in np.nonzero(self.frames["frame"]["kind"] == CONTENT)[0]:
            piece_role, offset, size_bytes = parse_content_head(self._head(int(number), CONTENT_HEAD_BYTES))
            if piece_role == role and offset == size_bytes:
                return
            if piece_role == role:
                yield offset, _decompressed(self.body(int(number))[CONTENT_HEAD_BYTES:], self._name)
        raise TraceError(f"the trace {self._name} breaks off within its disks: record it again")

    def content(self, role: str) -> bytes | None:
        """The bytes of one of the guest's files; None if the trace hasn't got all of them."""
        pieces: list[bytes] = []
        have_bytes = 0
        for number in np.nonzero(self.frames["frame"]["kind"] == CONTENT)[0]:
            head = self._head(int(number), CONTENT_HEAD_BYTES)
            piece_role, offset, size_bytes = parse_content_head(head)
            if (piece_role, offset) == (role, have_bytes):
                pieces.append(_decompressed(self.body(int(number))[CONTENT_HEAD_BYTES:], self._name))
                have_bytes += len(pieces[-1])
                if have_bytes == size_bytes:
                    return b"".join(pieces)
        return None

    def batches(self, first_ordinal: int = 0) -> Iterator[tuple[Any, EntryColumns]]:
        """The run's entries from number `first_ordinal` on: for each frame its header (FRAME) and its entries.

        Of the first frame those that come before are left out; its header stays as it is.
        """
        for number in np.nonzero(self.frames["frame"]["kind"] == ENTRIES)[0]:
            frame = self.frames[number]["frame"]
            skipped = first_ordinal - int(frame["first_ordinal"])
            if skipped < frame["entries"]:
                columns = decode_entries(self.body(int(number)), int(frame["entries"]))
                yield frame, columns.part(skipped, len(columns)) if skipped > 0 else columns

    def verify(self) -> None:
        """Read every frame. TraceError if one is damaged."""
        if self.has_index:
            for number in range(len(self.frames)):
                self.body(number)

    def body(self, number: int) -> bytes:
        """The body of frame `number`. TraceError if it is damaged."""
        placed: Any = self.frames[number]
        found = read_frame(self._descriptor, int(placed["offset"]), self.size_bytes)
        if found is None or found[0].tobytes() != placed["frame"].tobytes():
            raise self._damaged(int(placed["offset"]))
        return found[1]

    @property
    def _name(self) -> str:
        return _printable(self.path)

    def _damaged(self, offset: int) -> TraceError:
        return TraceError(f"the trace {self._name} is damaged at byte {offset}: copy or record it again")

    def _check_file_header(self) -> None:
        raw = os.pread(self._descriptor, FILE_HEADER.size, 0)
        if len(raw) < FILE_HEADER.size or not raw.startswith(TRACE_MAGIC):
            raise TraceError(f"{self._name} isn't a trace: give a file that lockstep run --trace has written")
        _, version = FILE_HEADER.unpack(raw)
        if version != TRACE_VERSION:
            raise TraceError(
                f"the trace {self._name} has format {version}, this lockstep reads {TRACE_VERSION}: "
                "use the version that recorded it"
            )

    def _indexed_frames(self) -> PlacedFrames | None:
        """As the index has it; None if there is none that is good."""
        tail = os.pread(self._descriptor, TRAILER_BYTES, max(self.size_bytes - TRAILER_BYTES, 0))
        offset = parse_trailer(tail, self.size_bytes)
        found = None if offset is None else read_frame(self._descriptor, offset, self.size_bytes)
        if found is None or found[0]["kind"] != INDEX:
            return None
        return np.frombuffer(_decompressed(found[1], self._name), PLACED_FRAME)

    def _scanned_frames(self) -> PlacedFrames:
        frames, damaged_at = scan_frames(self._descriptor, FILE_HEADER.size, self.size_bytes)
        if damaged_at is not None:
            raise self._damaged(damaged_at)
        return frames[frames["frame"]["kind"] != INDEX]

    def _check_order(self) -> None:
        """That the description is first, and that no entry is missing or out of order."""
        if not len(self.frames) or self.frames[0]["frame"]["kind"] != DESCRIPTION:
            raise TraceError(
                f"the trace {self._name} breaks off before it says of what it is: record it again"
            )
        frames = self._of_kind(ENTRIES)["frame"]
        counted = np.cumsum(frames["entries"]) - frames["entries"]
        is_ordered = (frames["first_position"][1:] >= frames["last_position"][:-1]).all()
        if not is_ordered or (frames["first_ordinal"] != counted).any():
            raise TraceError(f"the trace {self._name} lacks log entries in its middle: record it again")

    def _read_end(self) -> End | None:
        (numbers,) = np.nonzero(self.frames["frame"]["kind"] == END)
        return decode_record(self.body(int(numbers[0])), End) if len(numbers) else None

    def _of_kind(self, kind: int) -> Any:
        return self.frames[self.frames["frame"]["kind"] == kind]

    def _head(self, number: int, size: int) -> bytes:
        """The first bytes of a frame's body, as they are."""
        at = int(self.frames[number]["offset"]) + FRAME_BYTES
        head = os.pread(self._descriptor, size, at)
        if len(head) < size:
            raise self._damaged(at)
        return head

    def _checkpoint(self, number: int) -> Checkpoint:
        frame: Any = self.frames[number]["frame"]
        icount, console_bytes = parse_checkpoint_head(self._head(number, CHECKPOINT_HEAD_BYTES))
        return Checkpoint(
            ordinal=int(frame["first_ordinal"]),
            position=int(frame["first_position"]),
            icount=icount,
            console_bytes=console_bytes,
            wall_ns=int(frame["wall_ns"]),
            frame=number,
        )


def _frame_end(placed: Any) -> int:
    return int(placed["offset"]) + FRAME_BYTES + int(placed["frame"]["length"])


def _open(path: Path) -> int:
    try:
        # Looked at before it is opened: opening a pipe that nobody writes to waits for ever.
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise TraceError(f"the trace {_printable(path)} is {what}: give the path of a file")
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise TraceError(
            f"the trace {_printable(path)} can't be read: {reason}; check the path and its permissions"
        ) from error


def _decompressed(data: bytes, name: str) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError:
        raise TraceError(f"the trace {name} is damaged: record it again") from None


def _printable(path: Path) -> str:
    text = str(path)
    return text if text.isprintable() else ascii(text)
