"""Finds the frames of a trace by reading it, without its index."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from lockstep.log.trace.frames import (
    FRAME_BYTES,
    FRAME_MAGIC,
    PLACED_FRAME,
    PlacedFrames,
    frame_checksum,
    parse_frame_header,
)

_CHUNK_BYTES = 1 << 20


def read_frame(descriptor: int, offset: int, size_bytes: int) -> tuple[Any, bytes] | None:
    """Header (FRAME) and body of the frame at `offset` of a file of `size_bytes`; None if no whole one is there."""
    if not 0 <= offset < size_bytes:
        return None
    raw = os.pread(descriptor, FRAME_BYTES, offset)
    header = parse_frame_header(raw)
    if header is None or header["length"] > size_bytes - offset - FRAME_BYTES:
        return None
    body = _read_exactly(descriptor, offset + FRAME_BYTES, int(header["length"]))
    if body is None or frame_checksum(raw, body) != header["checksum"]:
        return None
    return header, body


def scan_frames(descriptor: int, offset: int, size_bytes: int) -> tuple[PlacedFrames, int | None]:
    """All whole frames from `offset` on, as PLACED_FRAME, up to the first place where there is none.

    Second: that place, if a whole frame follows somewhere behind it, so that the file is damaged there; else None.
    """
    found = []
    while (frame := read_frame(descriptor, offset, size_bytes)) is not None:
        header, body = frame
        found.append((offset, header))
        offset += FRAME_BYTES + len(body)
    frames = np.zeros(len(found), PLACED_FRAME)
    for number, (place, header) in enumerate(found):
        frames[number] = place, header
    return frames, offset if _has_frame_behind(descriptor, offset, size_bytes) else None


def _has_frame_behind(descriptor: int, offset: int, size_bytes: int) -> bool:
    at = offset + 1
    while at < size_bytes:
        chunk = os.pread(descriptor, _CHUNK_BYTES, at)
        place = chunk.find(FRAME_MAGIC)
        while place >= 0:
            if read_frame(descriptor, at + place, size_bytes) is not None:
                return True
            place = chunk.find(FRAME_MAGIC, place + 1)
        if len(chunk) < _CHUNK_BYTES:
            return False
        at += _CHUNK_BYTES - len(FRAME_MAGIC) + 1
    return False


def _read_exactly(descriptor: int, offset: int, size: int) -> bytes | None:
    """`size` bytes (more than one call gives at once, for large frames); None if the file ends before."""
    parts: list[bytes] = []
    while size:
        part = os.pread(descriptor, min(size, 1 << 30), offset)
        if not part:
            return None
        parts.append(part)
        offset += len(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
