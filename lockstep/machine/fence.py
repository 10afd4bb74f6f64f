"""sfence.vma: what libunicorn calls where it would flush its whole soft-TLB for it."""

from __future__ import annotations

from lockstep.machine.access import control_of, env_of, load_word, wiring_at
from lockstep.machine.blocks import block_at
from lockstep.machine.engine.layout import CPU_ENV, ENV_WIRING
from lockstep.machine.mmu import flush_translations, forget_address
from lockstep.machine.riscv.decode import AFTER_LOOKUP, FENCE_REGISTER_SHIFT
from lockstep.native import callback, int64, void


@callback(void(int64))
def fence(cpu: int) -> None:
    """The instruction that ends the block in flight is an sfence.vma (`blocks` cuts after one), and is allowed."""
    wiring = wiring_at(load_word(cpu + CPU_ENV + ENV_WIRING))
    after = block_at(control_of(wiring).block).after
    register = after >> FENCE_REGISTER_SHIFT
    if after & AFTER_LOOKUP and register:
        forget_address(wiring, env_of(wiring).gpr[register])
    else:
        flush_translations(wiring)
