"""The little that has to be known of an instruction's encoding."""

from __future__ import annotations

from lockstep.native import inline, nopython

AFTER_RECHECK = 1  # it may have enabled an interrupt
AFTER_LOOKUP = 2  # translations were flushed: code has to be looked up again
AFTER_RETURN = 4  # it may have changed the privilege of loads and stores (mstatus.MPP)
AFTER_PENDING = 8  # it may have made an interrupt pending

FENCE_REGISTER_SHIFT = 8
"""Where the effects of an sfence.vma have the number of the register with its address; 0: all addresses."""

_MRET, _SRET = 0x30200073, 0x10200073
_SFENCE_VMA, _SFENCE_VMA_MASK = 0x12000073, 0xFE007FFF


@inline
def instruction_bytes(bits: int) -> int:
    """Length of the instruction that starts with `bits` (unprivileged specification, section 1.5)."""
    return 4 if bits & 3 == 3 else 2


@nopython
def ends_block(bits: int) -> bool:
    """Whether libunicorn ends a block after the instruction `bits`, a legal one: jumps, and what it leaves it for."""
    if bits & 3 == 3:
        opcode, function = bits & 0x7F, (bits >> 12) & 7
        if opcode == 0x73:
            return function != 0 or bits >> 20 <= 1 or bits == _MRET or bits == _SRET
        return opcode in (0x63, 0x67, 0x6F) or (opcode == 0x0F and function == 1)
    if bits & 3 == 1:
        return bits >> 13 >= 5
    return bits & 3 == 2 and bits >> 13 == 4 and (bits >> 2) & 31 == 0


@inline
def _writes_csr(bits: int) -> bool:
    function = (bits >> 12) & 3
    return function == 1 or (function != 0 and (bits >> 15) & 31 != 0)


@nopython
def after_effects(bits: int) -> int:
    """What the run loop has to look at after the instruction `bits`: a combination of AFTER_*."""
    if bits & 0x7F != 0x73:
        return 0
    if bits == _MRET or bits == _SRET:
        return AFTER_RECHECK | AFTER_RETURN
    if bits & _SFENCE_VMA_MASK == _SFENCE_VMA:
        return AFTER_LOOKUP | ((bits >> 15) & 31) << FENCE_REGISTER_SHIFT
    if (bits >> 12) & 7 == 0 or not _writes_csr(bits):
        return 0
    register = (bits >> 20) & 0xFFF
    if register == 0x144 or register == 0x344:
        return AFTER_RECHECK | AFTER_PENDING
    is_status_or_enable = register == 0x100 or register == 0x300 or register == 0x104 or register == 0x304
    return AFTER_RECHECK if is_status_or_enable or register == 0x303 else 0
