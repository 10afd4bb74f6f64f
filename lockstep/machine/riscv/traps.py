"""Trap entry and the choice of an interrupt (privileged specification 1.10, sections 3.1.6-3.1.9 and 3.1.20)."""

from __future__ import annotations

from lockstep.machine.access import Env, Wiring, board_of, control_of, env_of
from lockstep.machine.mmu import flush_translations
from lockstep.machine.riscv.bits import (
    CAUSE_INTERRUPT,
    INTERRUPT_PRIORITY,
    MSTATUS_MIE,
    MSTATUS_MPIE,
    MSTATUS_MPP,
    MSTATUS_MPP_SHIFT,
    MSTATUS_MPRV,
    MSTATUS_SIE,
    MSTATUS_SPIE,
    MSTATUS_SPP,
    PRIV_M,
    PRIV_S,
)
from lockstep.native import nopython

NO_INTERRUPT = -1


@nopython
def choose_interrupt(env: Env) -> int:
    """The cause of the interrupt that the hart takes now, or NO_INTERRUPT."""
    pending = env.mip & env.mie
    if pending == 0:
        return NO_INTERRUPT
    taken = 0
    if env.priv < PRIV_M or env.mstatus & MSTATUS_MIE:
        taken = pending & ~env.mideleg
    if taken == 0 and (env.priv < PRIV_S or (env.priv == PRIV_S and env.mstatus & MSTATUS_SIE)):
        taken = pending & env.mideleg
    for cause in INTERRUPT_PRIORITY:
        if (taken >> cause) & 1:
            return cause
    return NO_INTERRUPT


@nopython
def enter_trap(wiring: Wiring, cause: int, value: int, pc: int, interrupt: bool) -> None:
    """Take a trap at `pc`: an exception, or an interrupt. It counts one position and retires nothing."""
    env = env_of(wiring)
    board = board_of(wiring)
    delegated = env.mideleg if interrupt else env.medeleg
    status = env.mstatus
    full_cause = cause | CAUSE_INTERRUPT if interrupt else cause
    if env.priv <= PRIV_S and (delegated >> cause) & 1:
        env.sepc, env.scause, env.stval = pc, full_cause, value
        previous = MSTATUS_SPIE if status & MSTATUS_SIE else 0
        status &= ~(MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP)
        status |= previous | (MSTATUS_SPP if env.priv == PRIV_S else 0)
        env.priv = PRIV_S
        vector = env.stvec
    else:
        env.mepc, env.mcause, env.mtval = pc, full_cause, value
        previous = MSTATUS_MPIE if status & MSTATUS_MIE else 0
        status &= ~(MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP)
        status |= previous | (env.priv << MSTATUS_MPP_SHIFT)
        env.priv = PRIV_M
        vector = env.mtvec
    changes_data_privilege = (status ^ env.mstatus) & MSTATUS_MPP and status & MSTATUS_MPRV
    env.mstatus = status
    env.load_reservation = -1
    env.pc = (vector & ~3) + (4 * cause if interrupt and vector & 3 == 1 else 0)
    board.position += 1
    board.traps += 1
    board.rest, board.cut_at = 0, -1
    control_of(wiring).cutting = 0
    if changes_data_privilege:
        flush_translations(wiring)
