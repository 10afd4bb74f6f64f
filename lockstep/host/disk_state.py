"""What a machine has written to its disks, as part of its state on its way to elsewhere (`machine_state`).

pieces: disk, blocks, compressed length, zstd of their numbers int64[n] | versions int64[n] | content | disk -1
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Protocol

import numpy as np
import zstandard

from lockstep.errors import InternalError
from lockstep.machine.disk_view import BLOCK_BYTES
from lockstep.machine.machine import Machine
from lockstep.machine.overlay import CHUNK_BLOCKS, WrittenBlocks, overlays

_PIECE = struct.Struct("<qqq")
_LEVEL = 1
_WORD_BYTES = 8
_PIECE_BYTES_MAX = CHUNK_BLOCKS * (2 * _WORD_BYTES + BLOCK_BYTES)


class Reader(Protocol):
    """Where a state comes from."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, fewer only at the end."""


def write_overlay(machine: Machine, stream: BinaryIO, above: int = 0) -> None:
    """Write the blocks that disk outputs from number `above` on have written: the files have what came before.

    The default is for who doesn't have the files as they are now: all blocks.
    """
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    for disk, overlay in enumerate(overlays(machine.wires)):
        for chunk in overlay.chunks(above):
            blocks = overlay.written(chunk, above)
            if not len(blocks.numbers):
                continue
            parts = (blocks.numbers.tobytes(), blocks.versions.tobytes(), blocks.content.tobytes())
            frame = compressor.compress(b"".join(parts))
            stream.write(_PIECE.pack(disk, len(blocks.numbers), len(frame)))
            stream.write(frame)
    stream.write(_PIECE.pack(-1, 0, 0))


def read_overlay(machine: Machine, stream: Reader) -> None:
    """Have the blocks that `write_overlay` wrote besides those that `machine`, of the same config, has already.

    `InternalError` if the stream breaks off or is about other disks.
    """
    decompressor = zstandard.ZstdDecompressor()
    targets = overlays(machine.wires)
    while True:
        disk, count, size = _PIECE.unpack(_exactly(stream, _PIECE.size))
        if disk < 0:
            return
        try:
            data = decompressor.decompress(_exactly(stream, size), max_output_size=_PIECE_BYTES_MAX)
            words = np.frombuffer(data, np.int64, 2 * count)
            content = np.frombuffer(data, np.uint8, offset=words.nbytes)
            targets[disk].put(WrittenBlocks(words[:count], words[count:], content))
        except (ValueError, IndexError, zstandard.ZstdError):
            raise InternalError("blocks of another machine's disks arrived") from None


def _exactly(stream: Reader, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise InternalError("a machine's state broke off: its host died")
    return data
