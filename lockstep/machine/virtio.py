"""The virtio devices at work: queues are served where the machine looks at its devices, never within a block.

Only there do they read and write RAM. So what they do, and when, is a function of the machine's state and of the log.
"""

from __future__ import annotations

from lockstep.machine.access import Board, Control
from lockstep.native import nopython

FLUSHED, WRITES_FAILED, READ_FAILED = 0, 1, 2
"""Status of a DISK entry: what waits up to a number is durable; nothing can be written any more; a request that can't
be read."""


@nopython
def serve_virtio(board: Board, control: Control, now_ns: int) -> None:
    """Serve the queues that were notified, and complete the flushes that are due at guest time `now_ns`."""
    board.virtio_notified = 0


@nopython
def take_disk(board: Board, control: Control, disk: int, status: int, number: int) -> None:
    """A DISK entry takes effect."""


@nopython
def take_frame(board: Board, control: Control, address: int, length: int) -> None:
    """A frame of `length` bytes at host address `address` arrives; one that finds no buffers is dropped."""


@nopython
def take_entropy(board: Board, control: Control, address: int) -> None:
    """32 random bytes at host address `address` become part of the generator's key."""


@nopython
def accepts_frames(board: Board) -> bool:
    """Whether there is a driver for the network."""
    return False


@nopython
def has_frame_buffers(board: Board, control: Control) -> bool:
    """Whether the driver has provided room for any frame."""
    return False


@nopython
def first_flush(board: Board) -> int:
    """The disk whose waiting flush has the smallest number, or -1."""
    return -1


@nopython
def due_flush(board: Board, now_ns: int) -> int:
    """Virtual clock: the largest number of a flush that is due by guest time `now_ns`, or -1."""
    return -1


@nopython
def next_flush_ns(board: Board) -> int:
    """Virtual clock: guest time at which the next flush is due; NEVER."""
    return 1 << 61
