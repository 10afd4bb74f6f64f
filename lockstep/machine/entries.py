"""Log entries taking effect on a machine: the one place where that happens, on every side and in a replay.

Whoever takes an entry may keep a *tape*: a ring of its own with a copy of every entry taken, in order, from which
traces are written. Onlookers have a ring of their own, with the icount in place of the pc, where an entry that finds no
room is left out: nobody waits for them.
"""

from __future__ import annotations

from lockstep.log.entry import CLOCK, DISK, ENTROPY, FRAME, INPUT
from lockstep.log.errors import BAD_KIND, BAD_LENGTH, FULL
from lockstep.log.ring import ring_append
from lockstep.log.words import load_byte, load_word
from lockstep.machine.access import Board, Control, board_of, control_of, env_of, wiring_at, wiring_of_hart
from lockstep.machine.clocks import guest_ns, icount_of
from lockstep.machine.output import has_output_room
from lockstep.machine.state import ENTRY_KINDS_MAX, WIRE_BYTES
from lockstep.machine.virtio import READ_FAILED, serve_virtio, take_disk, take_entropy, take_frame
from lockstep.native import exported, int64, nopython

CLOCK_BYTES = 8
"""A CLOCK entry's payload: the new offset of guest time, int64 nanoseconds."""
DISK_BYTES = 24
"""A DISK entry's payload: disk, status and number, int64 each."""
ENTROPY_BYTES = 32
FRAME_BYTES_MIN, FRAME_BYTES_MAX = 14, 65_550
"""An Ethernet frame without its checksum, with a payload of up to 65,535 bytes."""


@nopython
def _is_length_of(board: Board, kind: int, length: int) -> bool:
    if kind == CLOCK:
        return length == CLOCK_BYTES
    if kind == INPUT:
        return length <= WIRE_BYTES - (board.wire_tail - board.wire_head)
    if kind == DISK:
        return length == DISK_BYTES
    if kind == FRAME:
        return FRAME_BYTES_MIN <= length <= FRAME_BYTES_MAX
    return kind != ENTROPY or length == ENTROPY_BYTES


@nopython
def _take_by_device(board: Board, control: Control, kind: int, payload: int, length: int) -> None:
    """Serve first: queues that were notified before this position, which one side may not have come to yet.

    But the request that can't be read is marked before it is served, where that is said.
    """
    if kind == DISK and load_word(payload + 8) == READ_FAILED:
        take_disk(board, control, load_word(payload), READ_FAILED, load_word(payload + 16))
        return
    serve_virtio(board, control, guest_ns(board, board.position))
    if kind == DISK:
        take_disk(board, control, load_word(payload), load_word(payload + 8), load_word(payload + 16))
    elif kind == FRAME:
        take_frame(board, control, payload, length)
    else:
        take_entropy(board, control, payload)


@nopython
def take_entry(board: Board, control: Control, kind: int, pc: int, payload: int, length: int) -> int:
    """Let an entry take effect on a machine that stands at a natural block start, the next one at `pc`.

    CHECK, SNAPSHOT and END have no effect, and are counted and kept like the others. Returns 0;
    or, and nothing has happened, BAD_KIND, BAD_LENGTH, what the tape's `ring_append` refused it with, or FULL when
    devices have something to do first and there is no room for their output.
    """
    if kind < 0 or kind >= ENTRY_KINDS_MAX:
        return BAD_KIND
    if board.virtio_notified and not has_output_room(control):
        return FULL
    if not _is_length_of(board, kind, length):
        return BAD_LENGTH
    if control.tape:
        sequence = ring_append(control.tape, kind, board.position, pc, payload, length)
        if sequence < 0:
            return sequence
    if kind == INPUT:
        for index in range(length):
            board.wire[board.wire_tail & (WIRE_BYTES - 1)] = load_byte(payload + index)
            board.wire_tail += 1
    elif kind == CLOCK:
        board.time_offset_ns = max(load_word(payload), board.time_offset_ns)
    elif kind == DISK or kind == FRAME or kind == ENTROPY:
        _take_by_device(board, control, kind, payload, length)
    control.entries[kind] += 1
    shown = control.shown
    if shown and ring_append(shown, kind, board.position, icount_of(board), payload, length) < 0:
        control.unshown += 1
    control.entry_bytes += length
    return 0


@exported(int64(int64, int64, int64, int64))
def take(first_wiring: int, kind: int, payload: int, length: int) -> int:
    """`take_entry`, on the machine whose hart 0 is wired at `first_wiring`."""
    wiring = wiring_at(first_wiring)
    board, control = board_of(wiring), control_of(wiring)
    pc = env_of(wiring_of_hart(control, board.current_hart)).pc
    return take_entry(board, control, kind, pc, payload, length)
