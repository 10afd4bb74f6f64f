"""Log entries taking effect on a machine: the one place where that happens, on every side and in a replay.

Whoever takes an entry may keep a *tape*: a ring of its own with a copy of every entry taken, in order, from which
traces are written. Onlookers have a ring of their own, with the icount in place of the pc, where an entry that finds no
room is left out: nobody waits for them.
"""

from __future__ import annotations

from lockstep.log.entry import CLOCK, INPUT
from lockstep.log.errors import BAD_KIND, BAD_LENGTH
from lockstep.log.ring import ring_append
from lockstep.log.words import load_byte, load_word
from lockstep.machine.access import Board, Control, board_of, control_of, env_of, wiring_at, wiring_of_hart
from lockstep.machine.clocks import icount_of
from lockstep.machine.state import ENTRY_KINDS_MAX, WIRE_BYTES
from lockstep.native import exported, int64, nopython

CLOCK_BYTES = 8
"""A CLOCK entry's payload: the new offset of guest time, int64 nanoseconds."""


@nopython
def take_entry(board: Board, control: Control, kind: int, pc: int, payload: int, length: int) -> int:
    """Let an entry take effect on a machine that stands at a natural block start, the next one at `pc`.

    Kinds other than INPUT and CLOCK have no effect, and are counted and kept like these. Returns 0;
    or, and nothing has happened, BAD_KIND, BAD_LENGTH or what the tape's `ring_append` refused it with.
    """
    if kind < 0 or kind >= ENTRY_KINDS_MAX:
        return BAD_KIND
    if kind == CLOCK and length != CLOCK_BYTES:
        return BAD_LENGTH
    if kind == INPUT and length > WIRE_BYTES - (board.wire_tail - board.wire_head):
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
