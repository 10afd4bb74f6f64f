"""virtio-rng (virtio 1.2, section 5.4): random bytes from a ChaCha20 generator in the machine.

Every request is answered under a key of its own, and the key that follows is the first block under it ("fast key
erasure", D. J. Bernstein, 2017): what was given out can't be found in the machine's state any more.
"""

from __future__ import annotations

from typing import Any

from lockstep.machine.access import Board, Control, load_unsigned
from lockstep.machine.devices.virtio.chacha import BLOCK_BYTES, KEY_WORDS, chacha_block
from lockstep.machine.devices.virtio.rings import (
    break_device,
    chain_of,
    fill_writable,
    give_back,
    is_running,
    next_chain,
    publish_used,
    staging_of,
)
from lockstep.machine.memory_map import ENTROPY_SLOT
from lockstep.native import nopython

REQUEST_BYTES_MAX = 4096
"""A request for more is answered with so many: the driver asks again."""
_REQUEST_COST, _BYTE_COST = 1024, 8


@nopython
def _next_key(entropy: Any, room: int) -> None:
    chacha_block(entropy.key, 0, (0, 0, 0), room)
    for word in range(KEY_WORDS):
        entropy.key[word] = load_unsigned(room + 4 * word)


@nopython
def _give_bytes(board: Board, control: Control) -> int:
    """Fill CHAIN, or its first part; returns how many bytes it got."""
    wanted = min(chain_of(control).writable_bytes, REQUEST_BYTES_MAX)
    room = staging_of(control)
    left, block = wanted, 1
    while left > 0:
        chacha_block(board.entropy.key, block, (0, 0, 0), room)
        part = min(left, BLOCK_BYTES)
        fill_writable(control, room, part)
        left, block = left - part, block + 1
    _next_key(board.entropy, room)
    board.virtio_budget -= _REQUEST_COST + _BYTE_COST * wanted
    return wanted


@nopython
def serve_entropy(board: Board, control: Control) -> None:
    """Serve the queue as far as this position's budget goes; requests wait until there is a key."""
    queue, chain = board.virtio[ENTROPY_SLOT].queues[0], chain_of(control)
    done = 0
    while board.entropy.is_keyed and next_chain(board, control, ENTROPY_SLOT, queue):
        if chain.readable_bytes:
            break_device(board, ENTROPY_SLOT)
            break
        give_back(control, queue, chain.head, _give_bytes(board, control))
        done += 1
    if board.entropy.is_keyed == 0:
        board.virtio_notified &= ~(1 << ENTROPY_SLOT)
    if done:
        publish_used(board, control, ENTROPY_SLOT, queue)


@nopython
def add_entropy(board: Board, control: Control, address: int) -> None:
    """32 bytes at host address `address` become part of the key."""
    for word in range(KEY_WORDS):
        board.entropy.key[word] ^= load_unsigned(address + 4 * word)
    board.entropy.is_keyed = 1
    if is_running(board.virtio[ENTROPY_SLOT]):
        board.virtio_notified |= 1 << ENTROPY_SLOT
        control.deadline = 0
