"""virtio-net (virtio 1.2, section 5.1), without offloads: a header that says next to nothing, and a frame.

header   flags u8 | gso_type u8 | hdr_len, gso_size, csum_start, csum_offset, num_buffers u16
"""

from __future__ import annotations

from typing import Any

from lockstep.log.words import store_word
from lockstep.machine.access import Board, Control, store_half
from lockstep.machine.devices.virtio.constants import NETWORK_MERGEABLE_BUFFERS
from lockstep.machine.devices.virtio.rings import (
    break_device,
    chain_of,
    chains_waiting,
    fill_writable,
    give_back,
    is_running,
    is_usable,
    next_chain,
    publish_used,
    read_chain,
    staging_of,
    take_readable,
)
from lockstep.machine.dma import copy_bytes
from lockstep.machine.memory_map import NETWORK_SLOT
from lockstep.machine.output import emit_frame
from lockstep.native import nopython

RECEIVE, TRANSMIT = 0, 1
"""Queues."""
HEADER_BYTES = 12
FRAME_BYTES_MIN, FRAME_BYTES_MAX = 14, 65_550

_BUFFERS_COUNT = 10
_FRAME_COST = 64
"""What a frame counts beside its bytes."""


@nopython
def _send(board: Board, control: Control) -> None:
    """Let the frame in CHAIN leave; one that is none is dropped."""
    chain = chain_of(control)
    length = chain.readable_bytes - HEADER_BYTES
    board.virtio_budget -= _FRAME_COST
    if length < FRAME_BYTES_MIN or length > FRAME_BYTES_MAX:
        return
    board.virtio_budget -= length
    room = staging_of(control)
    take_readable(control, room, HEADER_BYTES)
    last = chain.segments[chain.segments_count - 1]
    if last.length == length:
        emit_frame(board, control, last.address, length)
        return
    take_readable(control, room, length)
    emit_frame(board, control, room, length)


@nopython
def serve_network(board: Board, control: Control) -> None:
    """Send what waits to be sent, as far as this position's budget goes."""
    queue, chain = board.virtio[NETWORK_SLOT].queues[TRANSMIT], chain_of(control)
    done = 0
    while next_chain(board, control, NETWORK_SLOT, queue):
        if chain.writable_bytes:
            break_device(board, NETWORK_SLOT)
            break
        _send(board, control)
        give_back(control, queue, chain.head, 0)
        done += 1
    if done:
        publish_used(board, control, NETWORK_SLOT, queue)


@nopython
def can_receive(board: Board) -> bool:
    """Whether there is a driver that receives."""
    device = board.virtio[NETWORK_SLOT]
    return is_running(device) and device.queues[RECEIVE].ready != 0


@nopython
def chains_for(control: Control, device: Any, length: int) -> int:
    """How many of the next chains hold `length` bytes; 0: those that are there don't, or -1: they make no sense."""
    queue = device.queues[RECEIVE]
    waiting = chains_waiting(control, queue) if is_usable(control, queue) else -1
    if waiting < 0:
        return -1
    may_merge = device.features_accepted & NETWORK_MERGEABLE_BUFFERS != 0
    room = 0
    for ahead in range(waiting):
        chain = chain_of(control)
        if not read_chain(control, device, queue, ahead) or chain.readable_bytes:
            return -1
        if chain.writable_bytes < HEADER_BYTES and ahead == 0:
            return -1
        room += chain.writable_bytes
        if room >= length:
            return ahead + 1
        if not may_merge:
            break
    return 0


@nopython
def receive_frame(board: Board, control: Control, address: int, length: int) -> None:
    """Give the driver the frame of `length` bytes at host address `address`; without room for it, it is dropped."""
    device = board.virtio[NETWORK_SLOT]
    left = HEADER_BYTES + length
    count = chains_for(control, device, left)
    if count < 0:
        break_device(board, NETWORK_SLOT)
    if count <= 0:
        return
    queue, chain, room = device.queues[RECEIVE], chain_of(control), staging_of(control)
    store_word(room, 0)
    store_word(room + 8, 0)
    store_half(room + _BUFFERS_COUNT, count)
    copy_bytes(control, room + HEADER_BYTES, address, length)
    for _ in range(count):
        # What was written so far may have been a descriptor.
        if not read_chain(control, device, queue, 0) or chain.readable_bytes:
            break_device(board, NETWORK_SLOT)
            return
        part = min(left, chain.writable_bytes)
        fill_writable(control, room, part)
        room, left = room + part, left - part
        give_back(control, queue, chain.head, part)
    board.network.frames_in += 1
    publish_used(board, control, NETWORK_SLOT, queue)
