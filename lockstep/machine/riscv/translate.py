"""Address translation and protection (privileged specification 1.10, sections 3.6 and 4.3), from memory as it is.

Functions return a physical address, or a negative number: `PAGE_FAULT` or `ACCESS_FAULT`.
"""

from __future__ import annotations

from lockstep.machine.access import Control, Env, load_word, store_word
from lockstep.machine.memory_map import RAM_BASE
from lockstep.machine.riscv.bits import (
    MSTATUS_MPP_SHIFT,
    MSTATUS_MPRV,
    MSTATUS_MXR,
    MSTATUS_SUM,
    PMP_ENTRIES,
    PMP_LOCK,
    PMP_MATCHING,
    PMP_R,
    PRIV_M,
    PRIV_S,
    PRIV_U,
    PTE_A,
    PTE_D,
    PTE_PPN_MASK,
    PTE_PPN_SHIFT,
    PTE_R,
    PTE_U,
    PTE_V,
    PTE_W,
    PTE_X,
    SATP_BARE,
    SATP_MODE_SHIFT,
    SATP_PPN_MASK,
    SATP_SV39,
    SATP_SV57,
)
from lockstep.native import inline, nopython, unsigned_less

PAGE_FAULT, ACCESS_FAULT = -1, -2
LOAD, STORE, FETCH = 0, 1, 2
_PTE_RESERVED_SHIFT = 54
LEAF_LEVEL_SHIFT = 60
"""Where a PTE that was found valid has zeros."""


@inline
def data_privilege(env: Env) -> int:
    """The privilege at which the hart loads and stores (mstatus.MPRV, section 3.1.6.3)."""
    if env.priv == PRIV_M and env.mstatus & MSTATUS_MPRV:
        privilege = (env.mstatus >> MSTATUS_MPP_SHIFT) & 3
        return privilege if privilege != 2 else PRIV_U
    return env.priv


@nopython
def pmp_allows(env: Env, first: int, last: int, privilege: int, access: int) -> int:
    """Whether PMP lets bytes `first`..`last` be accessed: 1 yes, 0 no, -1 it depends on the byte.

    -1 comes only for a range that an entry covers in part (section 3.6.1: such an access fails, but another
    one in the same page may not).
    """
    if env.pmp_rules == 0 and privilege == PRIV_M:
        return 1
    for index in range(PMP_ENTRIES):
        entry = env.pmp[index]
        config = entry.config & 0xFF
        if config & PMP_MATCHING == 0:
            continue
        low, high = env.pmp_range[index].first, env.pmp_range[index].last
        if unsigned_less(last, low) or unsigned_less(high, first):
            continue
        if unsigned_less(first, low) or unsigned_less(high, last):
            return -1
        if privilege == PRIV_M and config & PMP_LOCK == 0:
            return 1
        needed = PMP_R << access
        return 1 if config & needed else 0
    return 1 if privilege == PRIV_M else 0


@inline
def _leaf_allows(pte: int, privilege: int, access: int, status: int) -> bool:
    if pte & PTE_U:
        if privilege != PRIV_U and (access == FETCH or status & MSTATUS_SUM == 0):
            return False
    elif privilege == PRIV_U:
        return False
    if access == LOAD:
        return pte & PTE_R != 0 or (pte & PTE_X != 0 and status & MSTATUS_MXR != 0)
    if access == STORE:
        return pte & PTE_W != 0
    return pte & PTE_X != 0


@nopython
def walk(
    control: Control, env: Env, address: int, privilege: int, access: int, update: bool
) -> tuple[int, int]:
    """Translate virtual `address`; returns (physical address, leaf PTE), the PTE 0 where nothing is translated.

    The leaf's level is added to it at LEAF_LEVEL_SHIFT: above 0, the page is a part of a superpage.
    With `update`, accessed and dirty bits are set in memory as the hardware does; without, memory is left alone.
    """
    mode = (env.satp >> SATP_MODE_SHIFT) & 15
    if privilege == PRIV_M or mode == SATP_BARE:
        return address, 0
    if mode < SATP_SV39 or mode > SATP_SV57:
        return PAGE_FAULT, 0
    levels = mode - SATP_SV39 + 3
    sign = address >> (12 + 9 * levels - 1)
    if sign != 0 and sign != -1:
        return PAGE_FAULT, 0
    table = (env.satp & SATP_PPN_MASK) << 12
    for level in range(levels - 1, -1, -1):
        shift = 12 + 9 * level
        entry_address = table + ((address >> shift) & 511) * 8
        offset = entry_address - RAM_BASE
        if offset < 0 or offset > control.ram_bytes - 8:
            return ACCESS_FAULT, 0
        if env.pmp_rules and pmp_allows(env, entry_address, entry_address + 7, PRIV_S, LOAD) != 1:
            return ACCESS_FAULT, 0
        host = control.ram_address + offset
        pte = load_word(host)
        if pte & PTE_V == 0 or pte >> _PTE_RESERVED_SHIFT or pte & (PTE_R | PTE_W) == PTE_W:
            return PAGE_FAULT, 0
        page = ((pte >> PTE_PPN_SHIFT) & PTE_PPN_MASK) << 12
        if pte & (PTE_R | PTE_W | PTE_X) == 0:
            if pte & (PTE_A | PTE_D | PTE_U):
                return PAGE_FAULT, 0
            table = page
            continue
        inside = (1 << shift) - 1
        if page & inside or not _leaf_allows(pte, privilege, access, env.mstatus):
            return PAGE_FAULT, 0
        wanted = pte | PTE_A | (PTE_D if access == STORE else 0)
        if update and wanted != pte:
            if env.pmp_rules and pmp_allows(env, entry_address, entry_address + 7, PRIV_S, STORE) != 1:
                return ACCESS_FAULT, 0
            store_word(host, wanted)
        return page | (address & inside), wanted | level << LEAF_LEVEL_SHIFT
    return PAGE_FAULT, 0
