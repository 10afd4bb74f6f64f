"""What the devices say of themselves: their features and config spaces (virtio 1.2, sections 5.1.4 and 5.2.4)."""

from __future__ import annotations

from lockstep.machine.access import Board
from lockstep.machine.devices.virtio.disk import RANGE_SECTORS_MAX
from lockstep.machine.memory_map import NETWORK_SLOT
from lockstep.native import nopython

SEGMENT_BYTES_MAX, SEGMENTS_MAX = 16_384, 126
"""Of a disk's request: together no more than it may have."""
BLOCK_BYTES, PHYSICAL_BLOCK_SHIFT = 512, 3
"""Disks' logical blocks, and by how much those are smaller than what is written best: 4 KiB."""

_LINK_UP, _QUEUE_PAIRS = 1, 1
_LOW_HALF = 0xFFFF_FFFF


@nopython
def _disk_word(board: Board, disk: int, offset: int) -> int:
    sectors = board.disks[disk].sectors
    writable = 0 if board.disks[disk].read_only else 1
    if offset == 0:
        return sectors & _LOW_HALF
    if offset == 4:
        return (sectors >> 32) & _LOW_HALF
    if offset == 8:
        return SEGMENT_BYTES_MAX
    if offset == 12:
        return SEGMENTS_MAX
    if offset == 20:
        return BLOCK_BYTES
    if offset == 24:  # physical_block_exp u8 | alignment_offset u8 | min_io_size u16
        return PHYSICAL_BLOCK_SHIFT | 1 << (PHYSICAL_BLOCK_SHIFT + 16)
    if offset == 32:  # writeback u8 | unused u8 | num_queues u16
        return 1 | 1 << 16
    if offset == 36 or offset == 48:  # max_discard_sectors, max_write_zeroes_sectors
        return RANGE_SECTORS_MAX * writable
    if offset == 40 or offset == 52:  # max_discard_seg, max_write_zeroes_seg
        return writable
    if offset == 44:  # discard_sector_alignment
        return 1 << PHYSICAL_BLOCK_SHIFT
    if offset == 56:  # write_zeroes_may_unmap u8
        return writable
    return 0


@nopython
def _network_word(board: Board, offset: int) -> int:
    if offset == 0:
        return board.network.mac & _LOW_HALF
    if offset == 4:
        return ((board.network.mac >> 32) & 0xFFFF) | _LINK_UP << 16
    if offset == 8:
        return _QUEUE_PAIRS | board.network.mtu << 16
    return 0


@nopython
def _config_word(board: Board, slot: int, offset: int) -> int:
    if board.virtio[slot].device_id == 0:
        return 0
    if slot < NETWORK_SLOT:
        return _disk_word(board, slot, offset)
    if slot == NETWORK_SLOT:
        return _network_word(board, offset)
    return 0


@nopython
def read_config(board: Board, slot: int, offset: int, size: int) -> int:
    """Read `size` bytes (1, 2, 4 or 8, aligned) at `offset` in a slot's config space; there's nothing to write."""
    if size == 8:
        return _config_word(board, slot, offset) | _config_word(board, slot, offset + 4) << 32
    word = _config_word(board, slot, offset & -4) >> (8 * (offset & 3))
    return word & ((1 << (8 * size)) - 1)
