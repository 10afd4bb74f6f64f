"""What libunicorn calls: at blocks (slow path), exceptions and ebreak. All native, no Python runs."""

from __future__ import annotations

from lockstep.machine.access import Wiring, board_of, control_of, env_of, store_flags, wiring_at
from lockstep.machine.blocks import (
    block_at,
    code_at,
    fill_block,
    is_stale,
    leave_block_at,
    prepare_next,
)
from lockstep.machine.breakpoints import look_for_breakpoints
from lockstep.machine.clocks import icount_of
from lockstep.machine.engine.layout import CPU_CFLAGS_NEXT_TB, ENGINE_INVALID_ERROR
from lockstep.machine.events import GO_ON, at_natural_start, check_exact
from lockstep.machine.mmu import flush_cache, flush_translations
from lockstep.machine.riscv.bits import (
    BREAKPOINT,
    ENVIRONMENT_CALL,
    FETCH_ACCESS_FAULT,
    FETCH_PAGE_FAULT,
    ILLEGAL_INSTRUCTION,
    LOAD_ACCESS_FAULT,
    LOAD_MISALIGNED,
    LOAD_PAGE_FAULT,
    MSTATUS_MPRV,
    STORE_PAGE_FAULT,
)
from lockstep.machine.riscv.decode import (
    AFTER_LOOKUP,
    AFTER_PENDING,
    AFTER_RECHECK,
    AFTER_RETURN,
    instruction_bytes,
)
from lockstep.machine.riscv.traps import enter_trap
from lockstep.native import boolean, callback, int32, int64, nopython, void
from lockstep.native_calls import call_void


@nopython
def _restart(wiring: Wiring) -> None:
    """Leave the block that is about to run, to go on at the hart's pc or to end the run; does not return."""
    call_void(wiring.loop_exit, (wiring.cpu,))


@nopython
def translate_next(wiring: Wiring, instructions: int) -> None:
    """Make the next block exactly `instructions` long."""
    store_flags(wiring.cpu + CPU_CFLAGS_NEXT_TB, instructions)
    control = control_of(wiring)
    control.requested = instructions
    control.deadline = 0


@nopython
def _cut_to(wiring: Wiring, instructions: int) -> None:
    """Instead of the block that is about to run, run one of its first `instructions` only; does not return."""
    translate_next(wiring, instructions)
    _restart(wiring)


@nopython
def _apply_after(wiring: Wiring) -> None:
    """At a block start: what the block before it left to do. May not return."""
    control = control_of(wiring)
    after = control.after_block
    control.after_block = 0
    if after & AFTER_RETURN:
        flush_translations(wiring)
        after |= AFTER_LOOKUP
    if after & AFTER_LOOKUP:
        _restart(wiring)


@nopython
def begin_block(wiring: Wiring, pc: int, size: int, address: int) -> None:
    """The block hook's slow path: `address` is the BLOCK record of the block of `size` bytes at `pc`."""
    board, control = board_of(wiring), control_of(wiring)
    block = block_at(address)
    if block.halfwords < 0 and not fill_block(wiring, pc, size, address):
        call_void(wiring.tb_flush, (wiring.cpu,))
        prepare_next(wiring, wiring.blocks_first)
        _restart(wiring)
    if is_stale(wiring, control, block):
        flush_cache(wiring)
        _restart(wiring)
    if control.breakpoints_count:
        look_for_breakpoints(board, control, pc, size, address)
    control.requested = 0
    if size == 0:
        # An illegal compressed instruction. The block covers no bytes, so that nothing would ever drop it.
        call_void(wiring.tb_flush, (wiring.cpu,))
        prepare_next(wiring, wiring.blocks_first)
    if control.after_block:
        _apply_after(wiring)
    if block.split:
        _cut_to(wiring, block.split)
    if control.cutting and block.instructions > control.cutting:
        # libunicorn forgets how long a block should be when it flushes its code.
        _cut_to(wiring, control.cutting)
    if board.rest and control.cutting == 0 and block.instructions > board.rest:
        _cut_to(wiring, board.rest)
    natural = control.cutting == 0 and board.rest == 0
    if natural:
        board.cut_at = -1
    if control.cutting == 0 and check_exact(wiring) != GO_ON:
        _restart(wiring)
    if natural and board.position >= control.deadline and at_natural_start(wiring, pc) != GO_ON:
        _restart(wiring)
    if size == 0:
        enter_trap(wiring, ILLEGAL_INSTRUCTION, code_at(wiring, control, pc), pc, False)
        _restart(wiring)
    if control.cutting:
        control.cutting -= block.instructions
    else:
        if board.rest:
            board.rest -= block.instructions
            control.deadline = 0
        wanted = control.exact_icount - icount_of(board)
        if wanted < block.instructions:
            board.rest += block.instructions - wanted
            if board.cut_at < 0:
                board.cut_at = board.position
            control.cutting = wanted
            control.deadline = 0
            _cut_to(wiring, wanted)
    board.position += block.instructions
    control.block = address
    if block.after:
        _note_after(wiring, block.after)


@nopython
def _note_after(wiring: Wiring, after: int) -> None:
    control, env = control_of(wiring), env_of(wiring)
    left = after & AFTER_LOOKUP
    if env.mstatus & MSTATUS_MPRV:
        left |= after & AFTER_RETURN
    recheck = after & AFTER_RECHECK and (env.mip != 0 or after & AFTER_PENDING)
    control.after_block = left
    if left or recheck:
        control.deadline = 0


@nopython
def _trap_value(wiring: Wiring, cause: int, pc: int) -> int:
    """What mtval or stval says of an exception (section 3.1.21)."""
    if cause == ILLEGAL_INSTRUCTION:
        return code_at(wiring, control_of(wiring), pc)
    if cause == BREAKPOINT or ENVIRONMENT_CALL <= cause < FETCH_PAGE_FAULT:
        return 0
    return env_of(wiring).badaddr


@nopython
def instructions_until(wiring: Wiring, pc: int, end: int) -> int:
    """How many whole instructions lie between `pc` and `end`, which is at most a page away."""
    control = control_of(wiring)
    count = 0
    while True:
        following = pc + instruction_bytes(code_at(wiring, control, pc))
        if following > end:
            return count
        pc = following
        count += 1
        if pc == end:
            return count


@nopython
def take_exception(wiring: Wiring, number: int, pc: int) -> None:
    """An exception at `pc`, as libunicorn numbers it."""
    env = env_of(wiring)
    cause = number
    if number == ENVIRONMENT_CALL:
        cause += env.priv
    if number == FETCH_PAGE_FAULT or number == FETCH_ACCESS_FAULT:
        if _stays_at_unfetchable(wiring, pc):
            return
        if pc & 4095 == 0 and env.badaddr == pc - 4096:
            # libunicorn takes a block of no bytes at a page's start to begin on the page before.
            cause = ILLEGAL_INSTRUCTION
    else:
        leave_block_at(wiring, pc)
    if cause in (LOAD_MISALIGNED, LOAD_ACCESS_FAULT, LOAD_PAGE_FAULT) and _stores(
        code_at(wiring, control_of(wiring), pc)
    ):
        cause += STORE_PAGE_FAULT - LOAD_PAGE_FAULT
    enter_trap(wiring, cause, _trap_value(wiring, cause, pc), pc, False)


@nopython
def _stores(bits: int) -> bool:
    """Whether the instruction is an AMO (not LR), whose faults are those of a store, though libunicorn loads first."""
    return bits & 0x7F == 0x2F and (bits >> 27) & 31 != 2


@nopython
def _stays_at_unfetchable(wiring: Wiring, pc: int) -> bool:
    """A block at `pc` that can't be fetched was never made: do what its block hook would have done.

    Returns whether that comes instead of the fault: part of the block can run, an interrupt is taken, or the run
    stops here. Without this, a guest whose trap vector faults would never be looked at: it starts no block.
    """
    board, control, env = board_of(wiring), control_of(wiring), env_of(wiring)
    env.pc = pc
    fault = env.badaddr
    if fault != pc:
        # Only a later instruction can't be fetched: on the page that follows, or under another PMP entry.
        front = instructions_until(wiring, pc, fault)
        if front:
            translate_next(wiring, front)
            return True
    if check_exact(wiring) != GO_ON:
        return True
    if board.rest == 0 and board.position >= control.deadline:
        return at_natural_start(wiring, pc) != GO_ON
    return False


@callback(void(int64, int64, int64, int64))
def begin_block_callback(wiring_address: int, pc: int, size: int, record: int) -> None:
    """Called by the block hook's fast path."""
    begin_block(wiring_at(wiring_address), pc, size, record)


@callback(void(int64, int32, int64))
def exception_callback(engine: int, number: int, wiring_address: int) -> None:
    """UC_HOOK_INTR: libunicorn has moved the pc 4 bytes on."""
    wiring = wiring_at(wiring_address)
    take_exception(wiring, number, env_of(wiring).pc - 4)


@callback(boolean(int64, int64))
def breakpoint_callback(engine: int, wiring_address: int) -> bool:
    """UC_HOOK_INSN_INVALID, which libunicorn uses for ebreak only; the pc has not moved."""
    wiring = wiring_at(wiring_address)
    store_flags(engine + ENGINE_INVALID_ERROR, 0)
    take_exception(wiring, BREAKPOINT, env_of(wiring).pc)
    return True
