"""What comes from the world by itself while a live machine runs: flushes that are durable now, and frames.

It is stamped and logged here, in native code, before it takes effect; other machines take it from the log. Under the
virtual clock a flush completes at a fixed guest time instead, and the machine stands still until it is durable.

payload of a DISK entry   disk int64 | status int64 | number int64
"""

from __future__ import annotations

from lockstep.log.entry import DISK, FRAME, entry_length, entry_payload
from lockstep.log.layout import CAPACITY, DURABLE, ENTRY_SIZE, TROUBLE, WORD_SIZE
from lockstep.log.ring import ring_append, ring_peek, ring_pop, ring_used
from lockstep.log.words import load_word, store_word
from lockstep.machine.access import Board, Control, board_of, control_of, wiring_at
from lockstep.machine.entries import take_entry
from lockstep.machine.memory_map import DISKS_MAX
from lockstep.machine.output import has_output_room
from lockstep.machine.state import CLOCK_VIRTUAL
from lockstep.machine.virtio import (
    FLUSHED,
    WRITES_FAILED,
    accepts_frames,
    due_flush,
    first_flush,
    has_frame_buffers,
)
from lockstep.native import exported, int64, load_acquire, nopython

DISK_ENTRY_BYTES = 24
FRAMES_AT_ONCE = 16
"""How many frames are taken at one natural block start, at most."""


@nopython
def stamp(board: Board, control: Control, kind: int, pc: int, payload: int, length: int) -> bool:
    """Log an entry here and now, and let it take effect. False, and nothing has happened: there is no room for it."""
    if board.virtio_notified and not has_output_room(control):
        return False
    tape = control.tape
    if tape and load_word(tape + CAPACITY) - ring_used(tape) <= 2 * (ENTRY_SIZE + length + WORD_SIZE):
        return False
    if control.ring and ring_append(control.ring, kind, board.position, pc, payload, length) < 0:
        return False
    return take_entry(board, control, kind, pc, payload, length) >= 0


@nopython
def _trouble(control: Control) -> int:
    """Bit per disk that the sink can't write to any more."""
    return load_acquire(control.disk_ring + TROUBLE) if control.disk_ring else 0


@nopython
def is_durable(control: Control, number: int) -> bool:
    """Whether the sink has made everything before disk output `number` durable. Without a sink nothing has to be."""
    return control.disk_ring == 0 or load_acquire(control.disk_ring + DURABLE) > number


@nopython
def _failed_disk(board: Board, control: Control) -> int:
    """A disk whose machine hasn't heard yet that the sink can't write to it; or -1."""
    trouble = _trouble(control)
    if trouble:
        for disk in range(DISKS_MAX):
            if (trouble >> disk) & 1 and board.disks[disk].failed == 0:
                return disk
    return -1


@nopython
def _stamp_disk(board: Board, control: Control, pc: int, disk: int, status: int, number: int) -> bool:
    payload = control.scratch_address
    store_word(payload, disk)
    store_word(payload + 8, status)
    store_word(payload + 16, number)
    return stamp(board, control, DISK, pc, payload, DISK_ENTRY_BYTES)


@nopython
def _durable_flush(board: Board, control: Control) -> int:
    """The disk whose oldest waiting flush is durable, or -1. Host clock only."""
    if board.clock == CLOCK_VIRTUAL:
        return -1
    disk = first_flush(board)
    if disk < 0:
        return -1
    waiting = board.disks[disk]
    if not is_durable(control, waiting.flush_numbers[waiting.flushes_first]):
        return -1
    # A flush that failed is done as well, and the trouble was told before that: it goes first.
    return disk if _failed_disk(board, control) < 0 else -1


@nopython
def has_arrivals(board: Board, control: Control) -> bool:
    """Whether `take_arrivals` has something to do."""
    if control.is_live == 0:
        return False
    if _failed_disk(board, control) >= 0 or _durable_flush(board, control) >= 0:
        return True
    inbound = control.inbound_ring
    return (
        inbound != 0
        and ring_peek(inbound) > 0
        and (not accepts_frames(board) or has_frame_buffers(board, control))
    )


@nopython
def take_arrivals(board: Board, control: Control, pc: int) -> bool:
    """At a natural block start, the next instruction is the one at `pc`: take what has come. Whether anything had."""
    took = False
    while True:
        disk = _failed_disk(board, control)
        if disk < 0 or not _stamp_disk(board, control, pc, disk, WRITES_FAILED, board.disk_outputs):
            break
        took = True
    while True:
        disk = _durable_flush(board, control)
        if disk < 0:
            break
        waiting = board.disks[disk]
        number = waiting.flush_numbers[waiting.flushes_first]
        if not _stamp_disk(board, control, pc, disk, FLUSHED, number):
            break
        took = True
    if control.inbound_ring:
        took |= _take_frames(board, control, pc)
    return took


@nopython
def _take_frames(board: Board, control: Control, pc: int) -> bool:
    took = False
    for _ in range(FRAMES_AT_ONCE):
        entry = ring_peek(control.inbound_ring)
        if entry <= 0:
            break
        # Frames for which there is no driver are lost, as on a cable that nobody listens to.
        if accepts_frames(board):
            if not has_frame_buffers(board, control):
                break
            if not stamp(board, control, FRAME, pc, entry_payload(entry), entry_length(entry)):
                break
            took = True
        ring_pop(control.inbound_ring)
    return took


@nopython
def must_stand_still(board: Board, control: Control, now_ns: int) -> bool:
    """Virtual clock: whether a live machine must wait at guest time `now_ns`, as a flush is due that isn't durable."""
    if control.is_live == 0 or control.disk_ring == 0 or board.clock != CLOCK_VIRTUAL:
        return False
    number = due_flush(board, now_ns)
    return number >= 0 and not is_durable(control, number)


@exported(int64(int64))
def arrivals_wait(first_wiring: int) -> int:
    """1 if something from the world waits for the machine whose hart 0 is wired at `first_wiring`, else 0."""
    wiring = wiring_at(first_wiring)
    return 1 if has_arrivals(board_of(wiring), control_of(wiring)) else 0
