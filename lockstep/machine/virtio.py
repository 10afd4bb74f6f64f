"""The virtio devices at work: queues are served where the machine looks at its devices, never within a block.

Only there do they read and write RAM. So what they do, and when, is a function of the machine's state and of the log.
"""

from __future__ import annotations

from lockstep.machine.access import Board, Control
from lockstep.machine.devices.virtio.disk import IO_ERROR, OK, complete_flush, serve_disk
from lockstep.machine.devices.virtio.entropy import add_entropy, serve_entropy
from lockstep.machine.devices.virtio.network import (
    FRAME_BYTES_MAX,
    HEADER_BYTES,
    can_receive,
    chains_for,
    receive_frame,
    serve_network,
)
from lockstep.machine.devices.virtio.records import FLUSHES_MAX
from lockstep.machine.memory_map import DISKS_MAX, ENTROPY_SLOT, NETWORK_SLOT, VIRTIO_SLOTS
from lockstep.machine.state import CLOCK_VIRTUAL, NEVER
from lockstep.native import nopython

FLUSHED, WRITES_FAILED, READ_FAILED = 0, 1, 2
"""Status of a DISK entry: what waits up to a number is durable; nothing can be written any more; a request that can't
be read."""


WORK_BYTES_MAX = 1 << 20
"""How much is served at one position, but that what was begun is finished; the rest is left for the next one."""


@nopython
def serve_virtio(board: Board, control: Control, now_ns: int) -> None:
    """Serve the queues that were notified, and complete the flushes that are due at guest time `now_ns`.

    To be called again at the same position changes nothing: how much is done there doesn't depend on how often a host
    looks.
    """
    if board.clock == CLOCK_VIRTUAL:
        for disk in range(DISKS_MAX):
            state = board.disks[disk]
            while state.flushes_count and state.flush_due_ns[state.flushes_first] <= now_ns:
                complete_flush(board, control, disk, OK)
    if board.virtio_notified == 0:
        return
    if board.virtio_served_at != board.position:
        board.virtio_served_at = board.position
        board.virtio_budget = WORK_BYTES_MAX
    for slot in range(VIRTIO_SLOTS):
        if (board.virtio_notified >> slot) & 1:
            if slot == ENTROPY_SLOT:
                serve_entropy(board, control)
            elif slot == NETWORK_SLOT:
                serve_network(board, control)
            else:
                serve_disk(board, control, slot, now_ns)


@nopython
def serve_on(board: Board) -> bool:
    """Where every hart waits: whether something is left to serve, for which there now is a new budget."""
    if board.virtio_notified == 0:
        return False
    board.virtio_served_at = -1
    return True


@nopython
def take_disk(board: Board, control: Control, disk: int, status: int, number: int) -> None:
    """A DISK entry takes effect."""
    if disk < 0 or disk >= DISKS_MAX:
        return
    state = board.disks[disk]
    if status == READ_FAILED:
        state.unreadable_request = number + 1
        control.unreadable = 0
        control.deadline = 0
        return
    if status == WRITES_FAILED:
        state.failed = 1
    while state.flushes_count and (state.failed or state.flush_numbers[state.flushes_first] <= number):
        complete_flush(board, control, disk, IO_ERROR if state.failed else OK)


@nopython
def take_frame(board: Board, control: Control, address: int, length: int) -> None:
    """A frame of `length` bytes at host address `address` arrives; one that finds no buffers is dropped."""
    if can_receive(board):
        receive_frame(board, control, address, length)


@nopython
def take_entropy(board: Board, control: Control, address: int) -> None:
    """32 random bytes at host address `address` become part of the generator's key."""
    add_entropy(board, control, address)


@nopython
def accepts_frames(board: Board) -> bool:
    """Whether there is a driver for the network."""
    return can_receive(board)


@nopython
def has_frame_buffers(board: Board, control: Control) -> bool:
    """Whether the driver has provided room for any frame; or nonsense, which the next frame brings to light."""
    return chains_for(control, board.virtio[NETWORK_SLOT], HEADER_BYTES + FRAME_BYTES_MAX) != 0


@nopython
def first_flush(board: Board) -> int:
    """The disk whose waiting flush has the smallest number, or -1."""
    found, smallest = -1, NEVER
    for disk in range(DISKS_MAX):
        state = board.disks[disk]
        if state.flushes_count and state.flush_numbers[state.flushes_first] < smallest:
            found, smallest = disk, state.flush_numbers[state.flushes_first]
    return found


@nopython
def due_flush(board: Board, now_ns: int) -> int:
    """Virtual clock: the largest number of a flush that is due by guest time `now_ns`, or -1."""
    largest = -1
    if board.clock == CLOCK_VIRTUAL:
        for disk in range(DISKS_MAX):
            state = board.disks[disk]
            for index in range(state.flushes_count):
                at = (state.flushes_first + index) % FLUSHES_MAX
                if state.flush_due_ns[at] <= now_ns:
                    largest = max(largest, state.flush_numbers[at])
    return largest


@nopython
def next_flush_ns(board: Board) -> int:
    """Virtual clock: guest time at which the next flush is due; NEVER."""
    due = NEVER
    if board.clock == CLOCK_VIRTUAL:
        for disk in range(DISKS_MAX):
            state = board.disks[disk]
            if state.flushes_count:
                due = min(due, state.flush_due_ns[state.flushes_first])
    return due
