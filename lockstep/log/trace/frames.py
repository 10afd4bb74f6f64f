"""The frames of a trace. This page is the whole of the file's format but for what is in the bodies.

    file      "LSTEPtrc" | version uint64 | frame, frame, ... | trailer
    frame     header (64 bytes) | body
    trailer   "LSTEPend" | offset of the INDEX frame uint64 | length of the file uint64 | xxh3-64 of these 24 bytes

All numbers are little-endian. A trailer is there only if the trace was ended in good order. A frame counts if its
checksum, xxh3-64 over its header without the checksum and its body, fits.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xxhash

TRACE_MAGIC: Final = b"LSTEPtrc"
TRACE_VERSION: Final = 2
FILE_HEADER: Final = struct.Struct("<8sQ")

FRAME_MAGIC: Final = b"\xf7LSf"
DESCRIPTION, CONTENT, ENTRIES, CHECKPOINT, END, INDEX = 1, 2, 3, 4, 5, 6
FRAME_NAMES: Final = {
    DESCRIPTION: "description",
    CONTENT: "content",
    ENTRIES: "entries",
    CHECKPOINT: "checkpoint",
    END: "end",
    INDEX: "index",
}

FRAME: Final = np.dtype(
    [
        ("magic", "S4"),
        ("kind", "<u4"),
        ("length", "<i8"),  # bytes of body
        (
            "first_ordinal",
            "<i8",
        ),  # ENTRIES: of the run's entries, the number of the first one; else: of the next one
        ("entries", "<i8"),
        ("first_position", "<i8"),
        ("last_position", "<i8"),
        ("wall_ns", "<i8"),  # real time since the guest's first instruction
        ("checksum", "<u8"),
    ]
)
FRAME_BYTES: Final = FRAME.itemsize
_CHECKED_BYTES: Final = FRAME_BYTES - 8

PLACED_FRAME: Final = np.dtype([("offset", "<i8"), ("frame", FRAME)])
"""A frame's header with its place in the file: what the INDEX consists of, in the order of the file."""

PlacedFrames = npt.NDArray[np.void]

TRAILER_MAGIC: Final = b"LSTEPend"
_TRAILER: Final = struct.Struct("<8sQQ")
_CHECKSUM: Final = struct.Struct("<Q")
TRAILER_BYTES: Final = _TRAILER.size + _CHECKSUM.size

_ROLE_BYTES: Final = 8
_CONTENT: Final = struct.Struct(f"<{_ROLE_BYTES}sQQ")
CONTENT_HEAD_BYTES: Final = _CONTENT.size
_CHECKPOINT: Final = struct.Struct("<QQ")
CHECKPOINT_HEAD_BYTES: Final = _CHECKPOINT.size


def frame_header(kind: int, body: bytes, **fields: int) -> bytes:
    """The header of a frame with this body."""
    header: Any = np.zeros((), FRAME)
    header["magic"], header["kind"], header["length"] = FRAME_MAGIC, kind, len(body)
    for name, value in fields.items():
        header[name] = value
    header["checksum"] = frame_checksum(header.tobytes(), body)
    raw: bytes = header.tobytes()
    return raw


def parse_frame_header(raw: bytes) -> Any:
    """The FRAME record in `raw`, whatever is in it; None if that is no header."""
    if len(raw) != FRAME_BYTES or not raw.startswith(FRAME_MAGIC):
        return None
    header = np.frombuffer(raw, FRAME)[0]
    return header if int(header["kind"]) in FRAME_NAMES and header["length"] >= 0 else None


def frame_checksum(header: bytes, body: bytes) -> int:
    """What the checksum of a frame has to be."""
    hasher = xxhash.xxh3_64(header[:_CHECKED_BYTES])
    hasher.update(body)
    return hasher.intdigest()


def trailer(index_offset: int, file_bytes: int) -> bytes:
    """The end of a file of `file_bytes`, trailer included."""
    raw = _TRAILER.pack(TRAILER_MAGIC, index_offset, file_bytes)
    return raw + _CHECKSUM.pack(xxhash.xxh3_64_intdigest(raw))


def parse_trailer(raw: bytes, file_bytes: int) -> int | None:
    """Where the INDEX is in a file of `file_bytes` that ends with `raw`; None if that is no trailer of it."""
    if len(raw) != TRAILER_BYTES:
        return None
    _, index_offset, _ = _TRAILER.unpack_from(raw)
    return index_offset if raw == trailer(index_offset, file_bytes) else None


def content_head(role: str, offset: int, size_bytes: int) -> bytes:
    """What a CONTENT's body starts with: it is a piece, from `offset` on, of a file of `size_bytes`."""
    return _CONTENT.pack(role.encode().ljust(_ROLE_BYTES, b"\0"), offset, size_bytes)


def parse_content_head(raw: bytes) -> tuple[str, int, int]:
    """Role, offset and size of the whole file."""
    role, offset, size_bytes = _CONTENT.unpack_from(raw)
    return role.rstrip(b"\0").decode("latin-1"), offset, size_bytes


def checkpoint_head(icount: int, console_bytes: int) -> bytes:
    """What a CHECKPOINT's body starts with."""
    return _CHECKPOINT.pack(icount, console_bytes)


def parse_checkpoint_head(raw: bytes) -> tuple[int, int]:
    """icount and bytes of console."""
    icount, console_bytes = _CHECKPOINT.unpack_from(raw)
    return icount, console_bytes
