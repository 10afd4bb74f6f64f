"""Control and status registers that the machine answers itself, in place of libunicorn's handlers.

Counters and time come from the instruction count instead of the host's; mip and sip are ours, so that libunicorn
delivers no interrupt by itself; writes that change address translation or protection flush translations.

A CSR instruction ends its block, so that the position at a handler is the one just behind its instruction.
"""

from __future__ import annotations

from lockstep.machine.access import Env, Wiring, board_of, control_of, env_of, store_word, wiring_at
from lockstep.machine.clocks import hart_icount, mtime_at
from lockstep.machine.engine.layout import ENV
from lockstep.machine.lines import update_lines
from lockstep.machine.mmu import flush_translations
from lockstep.machine.riscv.bits import (
    CSR_MCYCLE,
    CSR_MEPC,
    CSR_MINSTRET,
    CSR_PMPADDR0,
    CSR_PMPCFG0,
    CSR_TIME,
    PMP_ENTRIES,
    PMP_MATCHING,
    PMP_NA4,
    PRIV_M,
    PRIV_S,
    S_MODE_INTERRUPTS,
    SEIP,
    SSIP,
)
from lockstep.native import as_pointer, callback, carray, int32, int64, nopython
from lockstep.native_calls import call_int32, call_void

OK, ILLEGAL = 0, -1

_HIGH_TW_TSR = 3 << 29
_STATUS_HYPERVISOR = 3 << 38  # MTL and MPV, which mean nothing without the H extension
_STATUS_XLEN = 2 << 32 | 2 << 34
_SSTATUS_XLEN = 2 << 32
_SSTATUS_MASK = -(1 << 63) | 1 << 19 | 1 << 18 | 3 << 15 | 3 << 13 | 1 << 8 | 1 << 5 | 1 << 1
_MSTATUS_TVM = 1 << 20
_SATP_MODES = 1 << 0 | 1 << 8 | 1 << 9 | 1 << 10


@nopython
def _env_at(address: int) -> Env:
    return carray(as_pointer(address), 1, ENV)[0]


@nopython
def _wiring_of_env(address: int) -> Wiring:
    return wiring_at(_env_at(address).wiring)


@callback(int32(int64, int32))
def may_read_counter(env_address: int, register: int) -> int:
    """cycle, time, instret and their kin: allowed by mcounteren and scounteren (sections 3.1.17 and 4.1.5)."""
    env = _env_at(env_address)
    bit = 1 << (register & 31)
    if env.priv < PRIV_M and env.mcounteren & bit == 0:
        return ILLEGAL
    if env.priv < PRIV_S and env.scounteren & bit == 0:
        return ILLEGAL
    return OK


@nopython
def _count(wiring: Wiring) -> int:
    """Instructions that the hart retired before the CSR instruction in flight."""
    return hart_icount(board_of(wiring)) - 1


@callback(int32(int64, int32, int64))
def read_counter(env_address: int, register: int, value_address: int) -> int:
    """Any of cycle, time, instret, mcycle, minstret."""
    wiring = _wiring_of_env(env_address)
    board = board_of(wiring)
    hart = board.harts[wiring.hart]
    if register == CSR_TIME:
        value = mtime_at(board, board.position - 1)
    elif register & 0xFF == CSR_MINSTRET & 0xFF:
        value = _count(wiring) + hart.instret_offset
    else:
        value = _count(wiring) + hart.cycle_offset
    store_word(value_address, value)
    return OK


@callback(int32(int64, int32, int64))
def write_counter(env_address: int, register: int, value: int) -> int:
    """mcycle or minstret: the instruction that follows reads `value` (section 3.1.11)."""
    wiring = _wiring_of_env(env_address)
    hart = board_of(wiring).harts[wiring.hart]
    offset = value - (_count(wiring) + 1)
    if register == CSR_MCYCLE:
        hart.cycle_offset = offset
    else:
        hart.instret_offset = offset
    return OK


@nopython
def _change_pending(env_address: int, value_address: int, new: int, writable: int, visible: int) -> None:
    wiring = _wiring_of_env(env_address)
    board, env = board_of(wiring), env_of(wiring)
    hart = board.harts[wiring.hart]
    update_lines(board, control_of(wiring), board.position - 1)
    if value_address:
        store_word(value_address, env.mip & visible)
    env.mip = (env.mip & ~writable) | (new & writable)
    if writable & SEIP:
        hart.supervisor_external = new & SEIP
    update_lines(board, control_of(wiring), board.position - 1)


@callback(int32(int64, int32, int64, int64, int64))
def change_mip(env_address: int, register: int, value_address: int, new: int, mask: int) -> int:
    """mip: software may change SSIP, STIP and SEIP; a read-modify-write sees SEIP as software wrote it."""
    writable = mask & S_MODE_INTERRUPTS
    _change_pending(env_address, value_address, new, writable, -1)
    return OK


@callback(int32(int64, int32, int64, int64, int64))
def change_sip(env_address: int, register: int, value_address: int, new: int, mask: int) -> int:
    """sip: the delegated part of mip, of which software may change SSIP only (section 4.1.3)."""
    delegated = _env_at(env_address).mideleg & S_MODE_INTERRUPTS
    _change_pending(env_address, value_address, new, mask & delegated & SSIP, delegated)
    return OK


@nopython
def _after_pmp_write(wiring: Wiring) -> None:
    """libunicorn's range of four bytes (NA4, section 3.6.1) ends before it begins, as QEMU 5.0's did."""
    env = env_of(wiring)
    for index in range(PMP_ENTRIES):
        if env.pmp[index].config & PMP_MATCHING == PMP_NA4:
            first = env.pmp[index].address << 2
            env.pmp_range[index].first, env.pmp_range[index].last = first, first + 3
    flush_translations(wiring)


@callback(int32(int64, int32, int64))
def write_pmp_config(env_address: int, register: int, value: int) -> int:
    """pmpcfg0-3."""
    wiring = _wiring_of_env(env_address)
    call_void(wiring.pmpcfg_write, (env_address, register - CSR_PMPCFG0, value))
    _after_pmp_write(wiring)
    return OK


@callback(int32(int64, int32, int64))
def write_pmp_address(env_address: int, register: int, value: int) -> int:
    """pmpaddr0-15."""
    wiring = _wiring_of_env(env_address)
    call_void(wiring.pmpaddr_write, (env_address, register - CSR_PMPADDR0, value))
    _after_pmp_write(wiring)
    return OK


@callback(int32(int64, int32, int64))
def write_satp(env_address: int, register: int, value: int) -> int:
    """satp (section 4.1.12): a write with a mode that isn't implemented has no effect."""
    env = _env_at(env_address)
    if env.priv == PRIV_S and env.mstatus & _MSTATUS_TVM:
        return ILLEGAL
    mode = (value >> 60) & 15
    if (_SATP_MODES >> mode) & 1:
        env.satp = value
        flush_translations(_wiring_of_env(env_address))
    return OK


@callback(int32(int64, int32, int64))
def write_exception_pc(env_address: int, register: int, value: int) -> int:
    """mepc or sepc: bit 0 is always zero (sections 3.1.19 and 4.1.9), so that no jump is ever to an odd address."""
    env = _env_at(env_address)
    if register == CSR_MEPC:
        env.mepc = value & -2
    else:
        env.sepc = value & -2
    return OK


@callback(int32(int64, int32, int64))
def read_mstatus(env_address: int, register: int, value_address: int) -> int:
    """mstatus (section 3.1.6). libunicorn keeps TW and TSR 8 bits too high, as QEMU 5.0 did, and has no SXL, UXL."""
    status = _env_at(env_address).mstatus
    high = status & _HIGH_TW_TSR
    store_word(value_address, (status & ~_HIGH_TW_TSR) | high >> 8 | _STATUS_XLEN)
    return OK


@callback(int32(int64, int32, int64))
def write_mstatus(env_address: int, register: int, value: int) -> int:
    """mstatus: TW and TSR go where libunicorn looks for them."""
    low = value & (_HIGH_TW_TSR >> 8)
    moved = (value & ~_HIGH_TW_TSR & ~_STATUS_HYPERVISOR) | low << 8
    wiring = _wiring_of_env(env_address)
    return call_int32(wiring.mstatus_write, (env_address, register, moved & ~low))


@callback(int32(int64, int32, int64))
def read_sstatus(env_address: int, register: int, value_address: int) -> int:
    """sstatus (section 4.1.1), UXL included."""
    store_word(value_address, (_env_at(env_address).mstatus & _SSTATUS_MASK) | _SSTATUS_XLEN)
    return OK
