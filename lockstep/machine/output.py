"""Output of devices: what goes to disks and to the network, appended to this host's output rings.

Every host appends, a secondary as well: whoever may go live keeps its output until the world has it (rule 3). The
run has made sure that there is room (`has_output_room`), so that a device never has to wait in the middle.
"""

from __future__ import annotations

from lockstep.log.layout import CAPACITY
from lockstep.log.ring import ring_append, ring_publish, ring_take_waiting, ring_used
from lockstep.log.words import load_word
from lockstep.machine.access import Board, Control, board_of, control_of, wiring_at
from lockstep.native import exported, inline, int64, nopython, void
from lockstep.native_calls import call_int64

WRITE, ZERO, DISCARD, FLUSH = 0, 1, 2, 3
"""What an entry of disk output asks for: kind = 1 + operation + 8 * disk, `pc` the offset on the disk in bytes."""
DISK_RESERVE_BYTES = 5 << 20
FRAME_RESERVE_BYTES = 3 << 19
"""More than is made at one natural block start."""


@inline
def output_kind(disk: int, operation: int) -> int:
    """The kind of an entry of disk output."""
    return 1 + operation + 8 * disk


@nopython
def _made(control: Control, result: int) -> None:
    if result < 0:
        control.no_room = result
    control.has_output = 1
    control.deadline = 0


@nopython
def emit_disk(
    board: Board, control: Control, disk: int, operation: int, offset: int, address: int, length: int
) -> int:
    """Something for `disk`: `length` bytes at host address `address`, for the bytes from `offset` on.

    ZERO and DISCARD have as payload the int64 number of bytes, FLUSH nothing. Returns the output's number.
    """
    number = board.disk_outputs
    board.disk_outputs = number + 1
    if control.disk_ring:
        kind = output_kind(disk, operation)
        _made(control, ring_append(control.disk_ring, kind, board.position, offset, address, length))
        if operation == FLUSH or ring_used(control.disk_ring) > load_word(control.disk_ring + CAPACITY) >> 2:
            control.is_urgent = 1
    return int(number)


@nopython
def emit_frame(board: Board, control: Control, address: int, length: int) -> None:
    """An Ethernet frame of `length` bytes at host address `address`, for the network."""
    board.frame_outputs += 1
    if control.frame_ring:
        _made(control, ring_append(control.frame_ring, 1, board.position, 0, address, length))


@inline
def _has_room(ring: int, reserve: int) -> bool:
    return ring == 0 or load_word(ring + CAPACITY) - ring_used(ring) >= reserve


@nopython
def has_output_room(control: Control) -> bool:
    """Whether there is room for all that may be made at one natural block start."""
    return _has_room(control.disk_ring, DISK_RESERVE_BYTES) and _has_room(
        control.frame_ring, FRAME_RESERVE_BYTES
    )


@nopython
def _announce(control: Control, ring: int, bell: int, position: int, urgent: int) -> None:
    """Release what was made up to `position`, if that is for this machine to say, and wake who waits for it."""
    if ring == 0:
        return
    if control.releases:
        ring_publish(ring, position)
    if ring_take_waiting(ring, urgent) and bell >= 0:
        call_int64(control.libc_write, (bell, control.bell_word, 8))


@nopython
def announce_output(board: Board, control: Control) -> None:
    """What was made up to this position, where the machine has published on the log, may leave."""
    control.has_output = 0
    _announce(control, control.disk_ring, control.disk_bell, board.position, control.is_urgent)
    _announce(control, control.frame_ring, control.frame_bell, board.position, 1)
    control.is_urgent = 0


@exported(void(int64))
def announce(first_wiring: int) -> None:
    """`announce_output` of the machine whose hart 0 is wired at `first_wiring`, which stands still."""
    wiring = wiring_at(first_wiring)
    announce_output(board_of(wiring), control_of(wiring))


@exported(int64(int64))
def output_room(first_wiring: int) -> int:
    """1 if devices of the machine whose hart 0 is wired at `first_wiring` can be served now, else 0."""
    wiring = wiring_at(first_wiring)
    board, control = board_of(wiring), control_of(wiring)
    return 1 if board.virtio_notified == 0 or has_output_room(control) else 0
