"""Split virtqueues as the device sees them (virtio 1.2, section 2.7): chains out of the available ring, into the used.

The driver may write anything anywhere. So every address, length, index and flag is checked here, each time that it is
read; what makes no sense is said by a result below 0 or False, and its device then needs a reset.
"""

from __future__ import annotations

from typing import Any

from lockstep.log.words import load_word, store_word
from lockstep.machine.access import Board, Control, load_half, load_unsigned
from lockstep.machine.devices.virtio.constants import (
    CONFIG_CHANGE,
    DRIVER_OK,
    FAILED,
    INDIRECT_DESCRIPTORS,
    NEEDS_RESET,
    USED_BUFFER,
)
from lockstep.machine.devices.virtio.records import CHAIN, QUEUE_ENTRIES_MAX
from lockstep.machine.dma import copy_bytes, drop_code, host_address, store_16_bits, store_bytes
from lockstep.machine.memory_map import DISKS_MAX
from lockstep.native import as_pointer, carray, inline, nopython

NEXT, WRITE, INDIRECT = 1, 2, 4
"""A descriptor's flags."""
NO_INTERRUPT = 1
"""The available ring's flag."""
BROKEN = -1

DESCRIPTOR_BYTES = 16
_INDEX, _ENTRIES = 2, 4
"""Where a ring has its index and its first entry."""
_AVAILABLE_BYTES, _USED_BYTES = 2, 8
_INDEX_MASK = 0xFFFF

assert CHAIN.fields is not None
_STAGING_OFFSET = int(CHAIN.fields["staging"][1])


@inline
def chain_of(control: Control) -> Any:
    """The CHAIN that is looked at."""
    return carray(as_pointer(control.chain_address), 1, CHAIN)[0]


@inline
def staging_of(control: Control) -> int:
    """Address of the room for what is scattered over a chain."""
    return control.chain_address + _STAGING_OFFSET


@inline
def is_running(device: Any) -> bool:
    """Whether the driver has set the device up, and nothing has gone wrong since."""
    return device.status & (DRIVER_OK | NEEDS_RESET | FAILED) == DRIVER_OK


@nopython
def raise_interrupt(board: Board, slot: int, reason: int) -> None:
    """Set bits of the slot's InterruptStatus."""
    board.virtio[slot].interrupt_status |= reason
    board.virtio_lines |= 1 << slot


@nopython
def forget_requests(board: Board, slot: int) -> None:
    """Nothing is under way in `slot` any more."""
    board.virtio_notified &= ~(1 << slot)
    if slot < DISKS_MAX:
        board.disks[slot].flushes_first = 0
        board.disks[slot].flushes_count = 0


@nopython
def break_device(board: Board, slot: int) -> None:
    """The driver has broken a rule: the device does nothing more until it is reset (2.1.2)."""
    device = board.virtio[slot]
    device.status |= NEEDS_RESET
    device.config_generation = (device.config_generation + 1) & 0xFFFF_FFFF
    raise_interrupt(board, slot, CONFIG_CHANGE)
    forget_requests(board, slot)


@nopython
def is_usable(control: Control, queue: Any) -> bool:
    """Whether a queue that is ready is where one can be."""
    size = queue.size
    if size <= 0 or size > QUEUE_ENTRIES_MAX or size & (size - 1) != 0:
        return False
    if queue.descriptors & 15 != 0 or queue.available & 1 != 0 or queue.used & 3 != 0:
        return False
    return (
        host_address(control, queue.descriptors, DESCRIPTOR_BYTES * size) != 0
        and host_address(control, queue.available, _ENTRIES + _AVAILABLE_BYTES * size) != 0
        and host_address(control, queue.used, _ENTRIES + _USED_BYTES * size) != 0
    )


@inline
def _host(control: Control, address: int) -> int:
    """Of a part of a queue that is usable."""
    return host_address(control, address, 0)


@nopython
def chains_waiting(control: Control, queue: Any) -> int:
    """How many chains of a usable queue wait to be served; or BROKEN."""
    index = load_half(_host(control, queue.available) + _INDEX)
    count = (index - queue.available_index) & _INDEX_MASK
    return count if count <= queue.size else BROKEN


@nopython
def read_chain(control: Control, device: Any, queue: Any, ahead: int) -> bool:
    """Make CHAIN the one that is `ahead` of the next to serve. False: it isn't a proper one."""
    slot = (queue.available_index + ahead) & (queue.size - 1)
    index = load_half(_host(control, queue.available) + _ENTRIES + _AVAILABLE_BYTES * slot)
    chain = chain_of(control)
    chain.head = index
    chain.segments_count, chain.readable_count = 0, 0
    chain.readable_bytes, chain.writable_bytes = 0, 0
    chain.table_address, chain.table_bytes = 0, 0
    table, entries = _host(control, queue.descriptors), queue.size
    is_writable = False
    for _ in range(QUEUE_ENTRIES_MAX + 1):
        if index >= entries:
            return False
        descriptor = table + DESCRIPTOR_BYTES * index
        address, length = load_word(descriptor), load_unsigned(descriptor + 8)
        flags, index = load_half(descriptor + 12), load_half(descriptor + 14)
        host = host_address(control, address, length)
        if host == 0 and length != 0:
            return False
        if flags & INDIRECT:
            if device.features_accepted & INDIRECT_DESCRIPTORS == 0 or chain.table_bytes or flags & NEXT:
                return False
            if (
                length == 0
                or length & (DESCRIPTOR_BYTES - 1)
                or length > DESCRIPTOR_BYTES * QUEUE_ENTRIES_MAX
            ):
                return False
            chain.table_address, chain.table_bytes = host, length
            table, entries, index = host, length // DESCRIPTOR_BYTES, 0
            continue
        if flags & WRITE:
            is_writable = True
        elif is_writable:
            return False  # what the device reads comes first (2.7.4.2)
        if length:
            if chain.segments_count == QUEUE_ENTRIES_MAX:
                return False
            segment = chain.segments[chain.segments_count]
            segment.address, segment.length = host, length
            chain.segments_count += 1
            if is_writable:
                chain.writable_bytes += length
            else:
                chain.readable_count += 1
                chain.readable_bytes += length
        if flags & NEXT == 0:
            return True
    return False  # too long, or a loop


@nopython
def next_chain(board: Board, control: Control, slot: int, queue: Any) -> bool:
    """Make CHAIN the one to serve next, if there is one and this position's budget isn't used up.

    A slot that has nothing to serve isn't notified any more; what makes no sense breaks its device.
    """
    device = board.virtio[slot]
    waiting = 0
    if is_running(device) and queue.ready:
        waiting = chains_waiting(control, queue) if is_usable(control, queue) else BROKEN
    if waiting > 0 and board.virtio_budget <= 0:
        return False
    if waiting > 0 and read_chain(control, device, queue, 0):
        return True
    if waiting:
        break_device(board, slot)
    board.virtio_notified &= ~(1 << slot)
    return False


@nopython
def give_back(control: Control, queue: Any, head: int, written: int) -> None:
    """The chain to serve next, at `head`, is served."""
    queue.available_index = (queue.available_index + 1) & _INDEX_MASK
    push_used(control, queue, head, written)


@nopython
def take_readable(control: Control, target: int, count: int) -> None:
    """Copy the first `count` readable bytes of CHAIN, which has them, to `target`, and take them off the chain."""
    chain = chain_of(control)
    chain.readable_bytes -= count
    index = 0
    while count > 0:
        segment = chain.segments[index]
        part = min(count, segment.length)
        copy_bytes(control, target, segment.address, part)
        segment.address += part
        segment.length -= part
        target += part
        count -= part
        index += 1


@nopython
def fill_writable(control: Control, source: int, count: int) -> None:
    """Store the `count` bytes at `source` to the first writable ones of CHAIN, and take those off the chain."""
    chain = chain_of(control)
    chain.writable_bytes -= count
    index = chain.readable_count
    while count > 0:
        segment = chain.segments[index]
        part = min(count, segment.length)
        store_bytes(control, segment.address, source, part)
        segment.address += part
        segment.length -= part
        source += part
        count -= part
        index += 1


@inline
def _overlap(first: int, first_bytes: int, second: int, second_bytes: int) -> bool:
    return first < second + second_bytes and second < first + first_bytes


@nopython
def writes_over_itself(control: Control, queue: Any) -> bool:
    """Whether what CHAIN lets the device write holds what says so: a ring, an indirect table, what is to be read."""
    chain = chain_of(control)
    for index in range(chain.readable_count, chain.segments_count):
        address, length = chain.segments[index].address, chain.segments[index].length
        if (
            _overlap(address, length, _host(control, queue.descriptors), DESCRIPTOR_BYTES * queue.size)
            or _overlap(
                address, length, _host(control, queue.available), _ENTRIES + _AVAILABLE_BYTES * queue.size
            )
            or _overlap(address, length, _host(control, queue.used), _ENTRIES + _USED_BYTES * queue.size)
            or _overlap(address, length, chain.table_address, chain.table_bytes)
        ):
            return True
        for other in range(chain.readable_count):
            readable = chain.segments[other]
            if _overlap(address, length, readable.address, readable.length):
                return True
    return False


@nopython
def push_used(control: Control, queue: Any, head: int, written: int) -> None:
    """Give the chain at `head` back, `written` bytes of it written; seen by the driver after `publish_used`."""
    entry = _host(control, queue.used) + _ENTRIES + _USED_BYTES * (queue.used_index & (queue.size - 1))
    store_word(entry, head | written << 32)
    drop_code(control, entry, _USED_BYTES)
    queue.used_index = (queue.used_index + 1) & _INDEX_MASK


@nopython
def publish_used(board: Board, control: Control, slot: int, queue: Any) -> None:
    """Let the driver see what was pushed, and interrupt it unless it asked not to be."""
    if not is_usable(control, queue):
        return
    store_16_bits(control, _host(control, queue.used) + _INDEX, queue.used_index)
    if load_half(_host(control, queue.available)) & NO_INTERRUPT == 0:
        raise_interrupt(board, slot, USED_BUFFER)
