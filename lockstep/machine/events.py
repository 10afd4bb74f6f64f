"""What happens between blocks: the slow path of the block hook and of trap entry.

A *natural* block start is where control arrives by itself. Only there are interrupts taken and is device time
looked at, so that having stopped somewhere changes nothing.
"""

from __future__ import annotations

from lockstep.log.layout import APPLIED
from lockstep.log.ring import ring_acknowledged, ring_publish
from lockstep.machine.access import Board, Control, Wiring, board_of, control_of, env_of, wiring_of_hart
from lockstep.machine.arrivals import has_arrivals, must_stand_still, take_arrivals
from lockstep.machine.clocks import guest_ns, icount_of, timer_ns
from lockstep.machine.devices.rtc import rtc_alarm_ns, rtc_tick
from lockstep.machine.disk_view import forget_applied
from lockstep.machine.following import follow_log
from lockstep.machine.input import deliver_input, next_input_ns
from lockstep.machine.lines import next_runnable, update_lines
from lockstep.machine.mmu import flush_translations
from lockstep.machine.output import announce_output, has_output_room
from lockstep.machine.riscv.bits import MTIP
from lockstep.machine.riscv.traps import NO_INTERRUPT, choose_interrupt, enter_trap
from lockstep.machine.state import (
    CONSOLE_FULL,
    EXACT,
    FINISHED,
    FLUSHING,
    KICKED,
    LAGGING,
    NEVER,
    OUTPUT_FULL,
    QUIET,
    REACHED,
    TURN_OVER,
    UNREADABLE,
)
from lockstep.machine.virtio import next_flush_ns, serve_virtio
from lockstep.native import exchange, load_acquire, nopython
from lockstep.native_calls import call_int32

TURN_POSITIONS = 100_000
QUIET_POSITIONS = 1 << 22
LAG_POSITIONS_MAX = 3_000_000
"""How far the secondary may trail before the primary is slowed: 2 ms of a quick guest."""
LAG_CHECK_POSITIONS = 1_000_000
PUBLISH_POSITIONS = 1 << 17
"""How often the primary publishes its horizon while nothing else happens."""
CONSOLE_RESERVE_BYTES = 4096
"""More than one block of stores can write."""

GO_ON, REDIRECT, STOP = 0, 1, 2

_KICK_OFFSET, _DEADLINE_OFFSET = 16, 0


@nopython
def stop_run(wiring: Wiring, reason: int) -> int:
    """Make `emu_start` return before another block runs."""
    control_of(wiring).stop = reason
    call_int32(wiring.emu_stop, (wiring.engine,))
    return STOP


@nopython
def set_deadline(board: Board, control: Control) -> None:
    """Compute the position at which something has to be looked at next."""
    deadline = min(control.limit, board.quiet_at)
    if board.harts_count > 1:
        deadline = min(deadline, board.turn_end)
    if control.exact_icount < NEVER:
        deadline = min(deadline, control.exact_icount + board.traps + board.switches)
    if control.ring:
        deadline = min(deadline, control.publish_at)
    event_ns = min(rtc_alarm_ns(board.rtc) - board.rtc_epoch_ns, next_input_ns(board, control))
    event_ns = min(event_ns, next_flush_ns(board))
    env = env_of(wiring_of_hart(control, board.current_hart))
    if env.mip & MTIP == 0:
        event_ns = min(event_ns, timer_ns(board.clint.mtimecmp[board.current_hart]))
    if event_ns < NEVER:
        deadline = min(deadline, event_ns - board.time_offset_ns)
    if control.has_output or board.virtio_notified:
        deadline = 0
    control.deadline = deadline


@nopython
def arm_deadline(board: Board, control: Control, control_address: int) -> None:
    """`set_deadline`, without losing a kick that comes meanwhile."""
    exchange(control_address + _DEADLINE_OFFSET, 0)
    set_deadline(board, control)
    if control.kick or has_arrivals(board, control):
        exchange(control_address + _DEADLINE_OFFSET, 0)


@nopython
def be_quiet(board: Board, control: Control) -> None:
    """A quiet point: after it, no translation that was made before it is remembered."""
    board.quiet_at = (board.position // board.quiet_positions + 1) * board.quiet_positions
    for hart in range(board.harts_count):
        flush_translations(wiring_of_hart(control, hart))
    if control.forgets:
        applied = load_acquire(control.disk_ring + APPLIED)
        for disk in range(control.disks_count):
            forget_applied(control, disk, applied)


@nopython
def advance_devices(board: Board, control: Control, position: int) -> None:
    """Bring device time and interrupt lines up to `position`."""
    now_ns = guest_ns(board, position)
    deliver_input(board, control, now_ns)
    rtc_tick(board.rtc, board.rtc_epoch_ns + now_ns)
    serve_virtio(board, control, now_ns)
    update_lines(board, control, position)


@nopython
def _stop_reason(board: Board, control: Control) -> int:
    if board.finisher.stopped:
        return FINISHED
    if control.kick:
        return KICKED
    if board.console_bytes - control.console_drained > control.console_capacity - CONSOLE_RESERVE_BYTES:
        return CONSOLE_FULL
    if board.position >= control.limit:
        return REACHED
    return device_stop(board, control)


@nopython
def device_stop(board: Board, control: Control) -> int:
    """Why devices can't be brought up to date here: OUTPUT_FULL or FLUSHING; 0 if they can."""
    if board.virtio_notified and not has_output_room(control):
        return OUTPUT_FULL
    if must_stand_still(board, control, guest_ns(board, board.position)):
        return FLUSHING
    return 0


@nopython
def _lags(board: Board, control: Control) -> bool:
    """Whether the secondary, once it follows at all, is so far behind that the primary should wait a little."""
    if board.position < control.lag_check_at:
        return False
    executed = ring_acknowledged(control.ring)
    if executed == 0 or board.position - executed <= LAG_POSITIONS_MAX:
        return False
    control.lag_check_at = board.position + LAG_CHECK_POSITIONS
    return True


@nopython
def at_natural_start(wiring: Wiring, pc: int) -> int:
    """Do what is due where the next instruction is the one at `pc`; returns GO_ON, REDIRECT or STOP.

    REDIRECT: the hart goes on elsewhere, or has to look its code up again.
    """
    board, control = board_of(wiring), control_of(wiring)
    control.slow_blocks += 1
    if control.ring:
        # Every entry stamped below this position has been appended: the secondary may run up to here.
        ring_publish(control.ring, board.position)
        control.publish_at = board.position + PUBLISH_POSITIONS
        if _lags(board, control):
            return stop_run(wiring, LAGGING)
    if control.has_output:
        announce_output(board, control)
    if control.followed and board.position >= control.limit:
        follow_log(board, control, pc)
    elif has_arrivals(board, control):
        take_arrivals(board, control, pc)
    reason = _stop_reason(board, control)
    if reason:
        return stop_run(wiring, reason)
    if board.position >= board.quiet_at:
        be_quiet(board, control)
        if control.stop_when_quiet:
            return stop_run(wiring, QUIET)
        return REDIRECT
    advance_devices(board, control, board.position)
    if control.unreadable:
        return stop_run(wiring, UNREADABLE)
    if board.harts_count > 1 and board.position >= board.turn_end:
        if next_runnable(board, control) != wiring.hart:
            return stop_run(wiring, TURN_OVER)
        board.turn_end = board.position + board.turn_positions
    if control.code_dropped:
        # DMA may have gone into the block that is about to run.
        control.code_dropped = 0
        control.deadline = 0
        return REDIRECT
    cause = choose_interrupt(env_of(wiring))
    if cause != NO_INTERRUPT:
        enter_trap(wiring, cause, 0, pc, True)
        control.interrupts += 1
        control.deadline = 0
        return REDIRECT
    arm_deadline(board, control, wiring.control)
    return GO_ON


@nopython
def exact_stop_due(board: Board, control: Control) -> bool:
    """Whether the exact stop is right here."""
    return icount_of(board) >= control.exact_icount


@nopython
def check_exact(wiring: Wiring) -> int:
    """STOP if the exact stop is right here, before anything else happens at this place."""
    if exact_stop_due(board_of(wiring), control_of(wiring)):
        return stop_run(wiring, EXACT)
    return GO_ON
