"""Virtual addresses as a debugger means them: where the page table of a hart leads, whatever it allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockstep.machine.access import control_of, env_of, wiring_at, wiring_of_hart
from lockstep.machine.csr_values import ALL_BITS, signed
from lockstep.machine.riscv.bits import PRIV_M, PRIV_S, PRIV_U
from lockstep.machine.riscv.translate import FETCH, LOAD, walk
from lockstep.native import exported, int64

if TYPE_CHECKING:
    from lockstep.machine.machine import Machine


def physical_address(machine: Machine, hart: int, address: int) -> int | None:
    """Where virtual `address` leads `hart` as memory is now; None if nowhere. In M-mode that is `address` itself."""
    physical = _walk(machine.wires.first_wiring, hart, signed(address))
    return None if physical == -1 else physical & ALL_BITS


@exported(int64(int64, int64, int64))
def _walk(first_wiring: int, hart: int, address: int) -> int:
    control = control_of(wiring_at(first_wiring))
    env = env_of(wiring_of_hart(control, hart))
    if env.priv == PRIV_M:
        return address
    for access in (LOAD, FETCH):
        for privilege in (PRIV_S, PRIV_U):
            physical, _ = walk(control, env, address, privilege, access, False)
            if physical >= 0:
                return physical
    return -1
