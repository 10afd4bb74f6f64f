"""Functions of libunicorn that are ours; and engines that aren't ours, which must not notice."""

from __future__ import annotations

import pytest
import unicorn
from unicorn import riscv_const

from lockstep.errors import InternalError
from lockstep.machine.engine.redirect import redirect
from lockstep.machine.wire_up import replace_csr_handlers, replace_functions

BASE = 0x1000
LOOP = 0x0000006F  # jal x0, 0


def test_a_function_that_is_not_called_through_the_table() -> None:
    with pytest.raises(InternalError, match="uc_open"):
        redirect("uc_open", 0)


def test_a_foreign_engine_still_stops_when_a_hook_asks_for_it() -> None:
    replace_functions()
    engine = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
    engine.mem_map(BASE, 0x1000)
    engine.mem_write(BASE, LOOP.to_bytes(4, "little"))
    blocks = 0

    def stop_later(uc: unicorn.Uc, address: int, size: int, data: object) -> None:
        nonlocal blocks
        blocks += 1
        if blocks == 5:
            uc.emu_stop()

    engine.hook_add(unicorn.UC_HOOK_BLOCK, stop_later)
    engine.emu_start(BASE, 0)
    assert blocks == 5
    assert engine.reg_read(riscv_const.UC_RISCV_REG_PC) == BASE


def test_a_foreign_engine_keeps_its_own_registers() -> None:
    replace_csr_handlers()
    engine = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
    engine.mem_map(BASE, 0x1000)
    read = [
        0x2573 | number << 20 for number in (0x300, 0x344, 0xB02, 0x341, 0x180)
    ]  # csrr a0 of mstatus, mip, ...
    write = [0x30051073, 0x34151073, 0xB0251073, 0x18051073]  # csrw mstatus, mepc, minstret, satp
    code = b"".join(word.to_bytes(4, "little") for word in read + write)
    engine.mem_write(BASE, code)
    engine.emu_start(BASE, BASE + len(code))
    assert engine.reg_read(riscv_const.UC_RISCV_REG_PC) == BASE + len(code)
