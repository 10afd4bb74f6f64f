"""The blocks of its disks that a machine has written, as arrays: to be kept, sent and put back.

What costs time and room here is what was written, not the disks' size.
"""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lockstep.machine.disk_view import BLOCK_BYTES, BLOCK_SHIFT, CHUNK_SHIFT

if TYPE_CHECKING:
    from lockstep.machine.wire_up import Wires

Words = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

CHUNK_BLOCKS = 1 << (CHUNK_SHIFT - BLOCK_SHIFT)
_MADV_DONTNEED = 4


@dataclasses.dataclass(frozen=True)
class WrittenBlocks:
    """Blocks of one disk: their `numbers` and `versions` (`disk_view`), int64[n], ascending by number."""

    numbers: Words
    versions: Words
    content: Bytes
    """Of those that aren't all zeros, in order: uint8[4096 * how many]."""


class Overlay:
    """What a machine has written to one disk, as arrays on its memory."""

    def __init__(self, wires: Wires, disk: int | np.int64) -> None:
        """Of disk number `disk`. Good as long as `wires` are."""
        view: Any = wires.disks.views[disk]
        self._wires = wires
        self._view = view
        count = (int(view["bytes"]) + BLOCK_BYTES - 1) >> BLOCK_SHIFT
        self._versions = _words_at(int(view["versions"]), count)
        self._chunk_versions = _words_at(int(view["chunk_versions"]), (int(view["bytes"]) >> CHUNK_SHIFT) + 1)
        raw = (ctypes.c_uint8 * (count * BLOCK_BYTES)).from_address(int(view["overlay"]))
        self._blocks: Bytes = np.ctypeslib.as_array(raw).reshape(-1, BLOCK_BYTES)

    def chunks(self, above: int = 0) -> list[int]:
        """Which chunks of CHUNK_BLOCKS blocks have one written by an output of number `above` or a later one."""
        if self._view["written_blocks"] == 0:
            return []
        chunks: list[int] = np.flatnonzero(self._chunk_versions >> 1 > above).tolist()
        return chunks

    def written(self, chunk: int, above: int = 0) -> WrittenBlocks:
        """The blocks of a chunk that were last written by an output of number `above` or a later one."""
        first = chunk * CHUNK_BLOCKS
        versions = self._versions[first : first + CHUNK_BLOCKS]
        (places,) = np.nonzero(versions >> 1 > above)
        chosen = versions[places]
        content = self._blocks[first + places[chosen & 1 == 0]]
        return WrittenBlocks((first + places).astype(np.int64), chosen, content.reshape(-1))

    def all_written(self) -> WrittenBlocks:
        """All blocks."""
        pieces = [self.written(chunk) for chunk in self.chunks()]
        nothing = np.zeros(0, np.int64)
        return WrittenBlocks(
            np.concatenate([nothing, *(piece.numbers for piece in pieces)]),
            np.concatenate([nothing, *(piece.versions for piece in pieces)]),
            np.concatenate([np.zeros(0, np.uint8), *(piece.content for piece in pieces)]),
        )

    def put(self, blocks: WrittenBlocks) -> None:
        """Have these blocks as well. ValueError if they aren't the disk's."""
        numbers, versions = blocks.numbers, blocks.versions
        if not len(numbers):
            return
        has_content = versions & 1 == 0
        is_whole = len(numbers) == len(versions) and blocks.content.size == has_content.sum() * BLOCK_BYTES
        if not is_whole or numbers.min() < 0 or numbers.max() >= len(self._versions) or versions.min() < 2:
            raise ValueError("blocks of another disk")
        self._view["written_blocks"] += int((self._versions[numbers] == 0).sum())
        self._blocks[numbers[has_content]] = blocks.content.reshape(-1, BLOCK_BYTES)
        self._versions[numbers] = versions
        np.maximum.at(self._chunk_versions, numbers // CHUNK_BLOCKS, versions)

    def clear(self) -> None:
        """Have nothing written, and give its memory back."""
        for chunk in self.chunks():
            first = chunk * CHUNK_BLOCKS
            end = min(first + CHUNK_BLOCKS, len(self._versions))
            self._versions[first:end] = 0
            self._chunk_versions[chunk] = 0
            _give_back(self._blocks[first:end])
        self._view["written_blocks"] = 0


def overlays(wires: Wires) -> list[Overlay]:
    """Of all disks of the machine, in their order."""
    return [Overlay(wires, disk) for disk in np.flatnonzero(wires.disks.views["bytes"])]


def put_back(wires: Wires, disks: Sequence[WrittenBlocks]) -> None:
    """Have exactly these blocks written to each of the disks. ValueError if there aren't as many, or they differ."""
    for overlay, blocks in zip(overlays(wires), disks, strict=True):
        overlay.clear()
        overlay.put(blocks)


def _words_at(address: int, count: int) -> Words:
    return np.ctypeslib.as_array((ctypes.c_int64 * count).from_address(address))


def _give_back(blocks: Bytes) -> None:
    """The memory of these, which is whole pages, is zeros again and takes no room."""
    if ctypes.CDLL(None).madvise(
        ctypes.c_void_p(blocks.ctypes.data), ctypes.c_size_t(blocks.nbytes), _MADV_DONTNEED
    ):
        blocks[:] = 0
