"""The schedule of the harts: who runs, when all wait, why a run comes back. All nopython."""

from __future__ import annotations

from lockstep.log.ring import ring_publish
from lockstep.machine.access import (
    Board,
    Control,
    Wiring,
    board_of,
    control_of,
    env_of,
    wiring_at,
    wiring_of_hart,
)
from lockstep.machine.arrivals import has_arrivals, take_arrivals
from lockstep.machine.blocks import leave_block_at
from lockstep.machine.clocks import guest_ns, icount_of, timer_ns
from lockstep.machine.devices.rtc import rtc_alarm_ns
from lockstep.machine.events import advance_devices, be_quiet, device_stop
from lockstep.machine.following import follow_log
from lockstep.machine.hooks import translate_next
from lockstep.machine.input import next_input_ns
from lockstep.machine.lines import is_runnable, next_runnable
from lockstep.machine.output import announce_output
from lockstep.machine.state import (
    CLOCK_VIRTUAL,
    EXACT,
    FAILED,
    FINISHED,
    IDLE,
    KICKED,
    NEVER,
    PARKED,
    QUIET,
    REACHED,
    RUNNING,
    TURN_OVER,
    UNREADABLE,
)
from lockstep.machine.virtio import next_flush_ns, serve_on
from lockstep.native import exported, int64, nopython
from lockstep.native_calls import call_int32


@nopython
def next_event_ns(board: Board, control: Control) -> int:
    """Guest time of the next thing that can wake a hart by itself: a timer, the RTC's alarm, typed input."""
    event = min(rtc_alarm_ns(board.rtc) - board.rtc_epoch_ns, next_input_ns(board, control))
    event = min(event, next_flush_ns(board))
    now = guest_ns(board, board.position)
    for hart in range(board.harts_count):
        due = timer_ns(board.clint.mtimecmp[hart])
        if due > now:
            event = min(event, due)
    return event if event < NEVER else NEVER


@exported(int64(int64))
def guest_event_ns(first_wiring: int) -> int:
    """`next_event_ns` of the machine whose hart 0 is wired at `first_wiring`."""
    wiring = wiring_at(first_wiring)
    return next_event_ns(board_of(wiring), control_of(wiring))


@nopython
def give_turn(board: Board, hart: int) -> None:
    """Make `hart` the one that runs."""
    current = board.current_hart
    icount = icount_of(board)
    if hart != current:
        board.harts[current].retired += icount - board.harts[current].turn_icount
        board.position += 1
        board.switches += 1
        board.harts[hart].turn_icount = icount
        board.current_hart = hart
    board.turn_end = board.position + board.turn_positions


@nopython
def _park(board: Board, control: Control) -> int:
    """Every hart waits. Returns RUNNING if time could skip to what wakes one, or why not.

    Parking is a quiet point, always and first of all: who asks the machine to stop here must not change that.
    """
    be_quiet(board, control)
    if control.has_output:
        # Nothing else comes before it: what was logged so far is all that led here.
        if control.ring:
            ring_publish(control.ring, board.position)
        announce_output(board, control)
    if control.kick:
        return KICKED
    pc = env_of(wiring_of_hart(control, board.current_hart)).pc
    if control.followed and board.position >= control.limit:
        follow_log(board, control, pc)
        if board.position < control.limit:
            return RUNNING  # what the log brought may have woken a hart
    if board.position >= control.limit:
        return REACHED
    if control.stop_when_quiet:
        return QUIET
    if has_arrivals(board, control) and take_arrivals(board, control, pc):
        return RUNNING
    if board.clock != CLOCK_VIRTUAL:
        return PARKED
    event = next_event_ns(board, control)
    if event >= NEVER:
        return IDLE
    board.time_offset_ns += max(event - guest_ns(board, board.position), 0)
    return RUNNING


@nopython
def _choose_hart(board: Board, control: Control) -> int:
    """Find the hart to run and give it the turn; RUNNING, or why nobody can run."""
    while True:
        if board.finisher.stopped:
            return FINISHED
        reason = device_stop(board, control)
        if reason:
            return reason
        advance_devices(board, control, board.position)
        if control.unreadable:
            return UNREADABLE
        hart = board.current_hart
        if is_runnable(board, control, hart):
            board.harts[hart].waiting = 0
            return RUNNING
        hart = next_runnable(board, control)
        if hart >= 0:
            give_turn(board, hart)
            continue
        if serve_on(board):
            continue
        reason = _park(board, control)
        if reason != RUNNING:
            return reason


@nopython
def _run_hart(wiring: Wiring, board: Board, control: Control) -> int:
    control.stop = RUNNING
    control.deadline = 0
    env = env_of(wiring)
    if board.rest:
        translate_next(wiring, board.rest)
    error = call_int32(wiring.emu_start, (wiring.engine, env.pc, 0, 0, 0))
    if control.stop != RUNNING:
        return control.stop
    if error:
        control.error = error
        return FAILED
    leave_block_at(wiring, env.pc)
    board.rest, board.cut_at = 0, -1
    control.cutting = 0
    board.harts[wiring.hart].waiting = 1
    return RUNNING


@exported(int64(int64), releases_gil=True)
def run(first_wiring: int) -> int:
    """Run the machine whose hart 0 is wired at `first_wiring` until something stops it; returns the reason."""
    wiring = wiring_at(first_wiring)
    board, control = board_of(wiring), control_of(wiring)
    while True:
        if icount_of(board) >= control.exact_icount:
            return EXACT
        if board.rest == 0:
            reason = _choose_hart(board, control)
            if reason != RUNNING:
                return reason
        reason = _run_hart(wiring_of_hart(control, board.current_hart), board, control)
        if reason == TURN_OVER:
            hart = next_runnable(board, control)
            give_turn(board, hart)
        elif reason != RUNNING:
            return reason
