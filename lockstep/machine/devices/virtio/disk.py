"""virtio-blk (virtio 1.2, section 5.2): requests to a disk, served at once but for flushes.

    header   type u32 | reserved u32 | sector u64, for the device to read
    data     for the device to read (OUT, DISCARD, WRITE_ZEROES) or to write (IN, GET_ID)
    status   one byte, the last that the device may write

How the driver spreads these over descriptors is its own affair (2.7.4.1). A request that fails does nothing, but that
data which couldn't be read is zeros: this host may have read a part of it.
"""

from __future__ import annotations

from typing import Any

from lockstep.log.words import load_word, store_word
from lockstep.machine.access import Board, Control, load_unsigned
from lockstep.machine.devices.virtio.constants import DISK_FLUSH
from lockstep.machine.devices.virtio.content import digest_output
from lockstep.machine.devices.virtio.records import FLUSHES_MAX
from lockstep.machine.devices.virtio.rings import (
    break_device,
    chain_of,
    fill_writable,
    give_back,
    is_running,
    is_usable,
    next_chain,
    publish_used,
    push_used,
    staging_of,
    take_readable,
    writes_over_itself,
)
from lockstep.machine.disk_view import BLOCK_BYTES, view_hold, view_read, view_write, view_zero
from lockstep.machine.dma import drop_code, host_address, physical_address, store_one_byte, store_zeros
from lockstep.machine.output import DISCARD, FLUSH, WRITE, ZERO, emit_disk
from lockstep.machine.state import CLOCK_VIRTUAL, NEVER
from lockstep.native import nopython

IN, OUT, FLUSH_REQUEST, GET_ID, DISCARD_REQUEST, WRITE_ZEROES_REQUEST = 0, 1, 4, 8, 11, 13
OK, IO_ERROR, UNSUPPORTED = 0, 1, 2
_WAITS, _UNREADABLE, _BROKEN = -1, -2, -3
"""Instead of a status: it is done when it is durable; this host can't read what it needs; it makes no sense."""

HEADER_BYTES = 16
RANGE_BYTES = 16
"""sector u64 | sectors u32 | flags u32: what DISCARD and WRITE_ZEROES are about, one range a request."""
UNMAP = 1
ID_BYTES = 20
REQUEST_BYTES_MAX = 2 << 20
PIECE_BYTES_MAX = 64 << 10
"""Of data in one entry of output."""
RANGE_SECTORS_MAX = 1 << 21
FLUSH_NS = 100_000
"""Virtual clock: guest time that a flush takes."""

_SECTOR_SHIFT, _SECTOR_MASK = 9, 511
_REQUEST_COST, _SEGMENT_COST = 512, 64
_RANGE_COST_SHIFT = 8
"""What work beside copying data counts, in bytes: a request, a segment, and a range by its length."""
_ID_LOW, _ID_HIGH, _ID_NUMBER_SHIFT = 0x706574736B636F6C, 0x306B7369642D, 40
"""`lockstep-disk0`, little-endian, and where the digit is in it."""


@nopython
def _is_within(state: Any, sector: int, length: int) -> bool:
    """Whether `length` bytes, some sectors, from `sector` on are on the disk. Any int64 may be asked for."""
    sectors = length >> _SECTOR_SHIFT
    return (
        length & _SECTOR_MASK == 0
        and sector >= 0
        and sectors <= state.sectors
        and sector <= state.sectors - sectors
    )


@nopython
def _can_not_be_read(state: Any) -> bool:
    """Whether the log says so of the request that is served now."""
    return state.unreadable_request == state.requests + 1


@nopython
def _read(control: Control, disk: int, state: Any, queue: Any, sector: int) -> int:
    chain = chain_of(control)
    if chain.writable_bytes > REQUEST_BYTES_MAX or not _is_within(state, sector, chain.writable_bytes):
        return IO_ERROR
    if writes_over_itself(control, queue):
        return _BROKEN
    offset = sector << _SECTOR_SHIFT
    fails = _can_not_be_read(state)
    for index in range(chain.readable_count, chain.segments_count):
        address, length = chain.segments[index].address, chain.segments[index].length
        if length == 0:
            continue
        if fails:
            store_zeros(control, address, length)
        elif view_read(control, disk, offset, address, length) != 0:
            return _UNREADABLE
        else:
            drop_code(control, address, length)
        offset += length
    return IO_ERROR if fails else OK


@nopython
def _hold_ends(board: Board, control: Control, disk: int, offset: int, end: int) -> bool:
    """Before the bytes from `offset` to `end` are written: have what they share blocks with. Nothing else may fail."""
    number = board.disk_outputs
    if offset & (BLOCK_BYTES - 1) and view_hold(control, disk, number, offset) != 0:
        return False
    return end & (BLOCK_BYTES - 1) == 0 or end == offset or view_hold(control, disk, number, end - 1) == 0


@nopython
def _hold_pieces(board: Board, control: Control, disk: int, offset: int) -> bool:
    chain = chain_of(control)
    for index in range(chain.readable_count):
        end = offset + chain.segments[index].length
        if not _hold_ends(board, control, disk, offset, end):
            return False
        offset = end
    return True


@nopython
def _write(board: Board, control: Control, disk: int, state: Any, sector: int) -> int:
    chain = chain_of(control)
    if chain.readable_bytes > REQUEST_BYTES_MAX or not _is_within(state, sector, chain.readable_bytes):
        return IO_ERROR
    if state.read_only or state.failed or _can_not_be_read(state):
        return IO_ERROR
    offset = sector << _SECTOR_SHIFT
    if not _hold_pieces(board, control, disk, offset):
        return _UNREADABLE
    for index in range(chain.readable_count):
        address, left = chain.segments[index].address, chain.segments[index].length
        while left > 0:
            length = min(left, PIECE_BYTES_MAX)
            state.content = digest_output(state.content, WRITE, offset, address, length, length)
            number = emit_disk(board, control, disk, WRITE, offset, address, length)
            view_write(control, disk, number, offset, address, length)
            offset, address, left = offset + length, address + length, left - length
    return OK


@nopython
def _write_zeros(board: Board, control: Control, disk: int, state: Any, kind: int) -> int:
    if chain_of(control).readable_bytes != RANGE_BYTES:
        return IO_ERROR
    room = staging_of(control)
    take_readable(control, room, RANGE_BYTES)
    sector, sectors, flags = load_word(room), load_unsigned(room + 8), load_unsigned(room + 12)
    if flags & ~UNMAP or (flags and kind == DISCARD_REQUEST):
        return UNSUPPORTED
    length = sectors << _SECTOR_SHIFT
    if sectors > RANGE_SECTORS_MAX or not _is_within(state, sector, length):
        return IO_ERROR
    if state.read_only or state.failed or _can_not_be_read(state):
        return IO_ERROR
    if sectors == 0:
        return OK
    offset = sector << _SECTOR_SHIFT
    if not _hold_ends(board, control, disk, offset, offset + length):
        return _UNREADABLE
    board.virtio_budget -= length >> _RANGE_COST_SHIFT
    # What is discarded reads as zeros: it has to read as something, and as the same on every host.
    operation = ZERO if kind == WRITE_ZEROES_REQUEST and flags == 0 else DISCARD
    state.content = digest_output(state.content, operation, offset, room, length, 0)
    store_word(room, length)
    number = emit_disk(board, control, disk, operation, offset, room, 8)
    view_zero(control, disk, number, offset, length)
    return OK


@nopython
def _give_id(control: Control, disk: int) -> int:
    room = staging_of(control)
    store_word(room, _ID_LOW)
    store_word(room + 8, _ID_HIGH + (disk << _ID_NUMBER_SHIFT))
    store_word(room + 16, 0)
    fill_writable(control, room, min(chain_of(control).writable_bytes, ID_BYTES))
    return OK


@nopython
def _perform(board: Board, control: Control, disk: int, queue: Any, kind: int, sector: int) -> int:
    """Do what CHAIN, whose header was taken off, asks for. Returns a status, or why there is none yet."""
    state = board.disks[disk]
    if kind == IN:
        return _read(control, disk, state, queue, sector)
    if kind == GET_ID:
        return _give_id(control, disk)
    is_durable = board.virtio[disk].features_accepted & DISK_FLUSH == 0
    if kind == FLUSH_REQUEST:
        if state.failed:
            return IO_ERROR
        return OK if state.read_only else _WAITS
    if kind == OUT:
        status = _write(board, control, disk, state, sector)
    elif kind == DISCARD_REQUEST or kind == WRITE_ZEROES_REQUEST:
        status = _write_zeros(board, control, disk, state, kind)
    else:
        return UNSUPPORTED
    # A driver that knows no flushes takes what is done for durable (5.2.5.2).
    return _WAITS if status == OK and is_durable else status


@nopython
def _wait_for_flush(board: Board, control: Control, disk: int, status_host: int, now_ns: int) -> None:
    state = board.disks[disk]
    at = (state.flushes_first + state.flushes_count) % FLUSHES_MAX
    state.flush_heads[at] = chain_of(control).head
    state.flush_statuses[at] = physical_address(control, status_host)
    state.flush_numbers[at] = emit_disk(board, control, disk, FLUSH, 0, staging_of(control), 0)
    state.flush_due_ns[at] = now_ns + FLUSH_NS if board.clock == CLOCK_VIRTUAL else NEVER
    state.flushes_count += 1


@nopython
def _serve_next(board: Board, control: Control, disk: int, queue: Any, now_ns: int) -> int:
    """Serve CHAIN, the next one. Returns 1 if it was given back, 0 if it waits, or why it wasn't served."""
    chain, state = chain_of(control), board.disks[disk]
    if chain.readable_bytes < HEADER_BYTES or chain.writable_bytes < 1:
        return _BROKEN
    cost = chain.readable_bytes + chain.writable_bytes
    cost = min(cost, REQUEST_BYTES_MAX) + _REQUEST_COST + _SEGMENT_COST * chain.segments_count
    last = chain.segments[chain.segments_count - 1]
    last.length -= 1
    chain.writable_bytes -= 1
    status_host = last.address + last.length
    room = staging_of(control)
    take_readable(control, room, HEADER_BYTES)
    kind, sector = load_unsigned(room), load_word(room + 8)
    data_bytes = chain.writable_bytes
    status = _perform(board, control, disk, queue, kind, sector)
    if status == _BROKEN or status == _UNREADABLE:
        return status
    state.requests += 1
    board.virtio_budget -= cost
    if status == _WAITS:
        queue.available_index = (queue.available_index + 1) & 0xFFFF
        _wait_for_flush(board, control, disk, status_host, now_ns)
        return 0
    store_one_byte(control, status_host, status)
    written = data_bytes - chain.writable_bytes if kind == GET_ID else data_bytes
    give_back(control, queue, chain.head, written + 1 if status == OK else 1)
    return 1


@nopython
def serve_disk(board: Board, control: Control, disk: int, now_ns: int) -> None:
    """Serve the disk's queue as far as this position's budget and the room for waiting flushes go."""
    state = board.disks[disk]
    queue = board.virtio[disk].queues[0]
    done = 0
    while state.flushes_count < FLUSHES_MAX and next_chain(board, control, disk, queue):
        result = _serve_next(board, control, disk, queue, now_ns)
        if result == _UNREADABLE:
            control.unreadable = 1 + disk
            break
        if result == _BROKEN:
            break_device(board, disk)
            break
        done += result
    if state.flushes_count == FLUSHES_MAX:
        board.virtio_notified &= ~(1 << disk)
    if done:
        publish_used(board, control, disk, queue)


@nopython
def complete_flush(board: Board, control: Control, disk: int, status: int) -> None:
    """The oldest waiting flush is done."""
    device, state = board.virtio[disk], board.disks[disk]
    queue = device.queues[0]
    first = state.flushes_first
    if state.flushes_count == FLUSHES_MAX:
        board.virtio_notified |= 1 << disk
        control.deadline = 0
    state.flushes_first = (first + 1) % FLUSHES_MAX
    state.flushes_count -= 1
    if not is_running(device) or queue.ready == 0:
        return
    if not is_usable(control, queue):
        break_device(board, disk)
        return
    store_one_byte(control, host_address(control, state.flush_statuses[first], 1), status)
    push_used(control, queue, state.flush_heads[first], 1)
    publish_used(board, control, disk, queue)
