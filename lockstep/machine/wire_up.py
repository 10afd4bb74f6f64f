"""Builds a machine's moving parts out of config: engines, hooks, devices, handlers, all wired to the state."""

from __future__ import annotations

import functools
import mmap
from typing import Any

import numpy as np
import numpy.typing as npt
import unicorn

from lockstep.machine import bus, csrs, fence, hooks, mmu, new_code
from lockstep.machine.access import wiring_at
from lockstep.machine.blocks import BLOCK_BYTES_MAX, prepare_next
from lockstep.machine.config import Disk
from lockstep.machine.disks import Disks
from lockstep.machine.engine import floating_point, machine_code
from lockstep.machine.engine.layout import CPU_ENV, ENGINE_NO_EXIT_REQUEST, ENV, ENV_ENGINE, TRANSLATOR_ENGINE
from lockstep.machine.engine.libunicorn import Engine, address_of, check_version, set_csr
from lockstep.machine.engine.redirect import code_range, redirect
from lockstep.machine.memory_map import (
    CLINT_BASE,
    CLINT_SIZE,
    FINISHER_BASE,
    FINISHER_SIZE,
    PLIC_BASE,
    PLIC_SIZE,
    RAM_BASE,
    RTC_BASE,
    RTC_SIZE,
    UART_BASE,
    UART_SIZE,
    VIRTIO_BASE,
    VIRTIO_SIZE,
    VIRTIO_SLOTS,
)
from lockstep.machine.riscv import bits
from lockstep.machine.state import BOARD, CONTROL, TRANSLATION, TRANSLATIONS_BITS, WIRING
from lockstep.native import exported, int64, void

CODE_BUFFER_BYTES = 64 << 20
BLOCKS_BYTES = 24 << 20

_DEVICES = (
    (UART_BASE, UART_SIZE, bus.read_uart, bus.write_uart),
    (CLINT_BASE, CLINT_SIZE, bus.read_clint, bus.write_clint),
    (PLIC_BASE, PLIC_SIZE, bus.read_plic, bus.write_plic),
    (RTC_BASE, RTC_SIZE, bus.read_rtc, bus.write_rtc),
    (FINISHER_BASE, FINISHER_SIZE, bus.read_finisher, bus.write_finisher),
    (VIRTIO_BASE, VIRTIO_SIZE * VIRTIO_SLOTS, bus.read_virtio, bus.write_virtio),
)

_FUNCTIONS = {
    "emu_start": "uc_emu_start",
    "emu_stop": "uc_emu_stop",
    "loop_exit": "cpu_loop_exit_noexc_riscv64",
    "raise_exception": "riscv_raise_exception_riscv64",
    "tlb_set_page": "tlb_set_page_riscv64",
    "tlb_flush": "tlb_flush_riscv64",
    "tlb_flush_page": "tlb_flush_page_riscv64",
    "tb_flush": "tb_flush_riscv64",
    "invalidate_range": "tb_invalidate_phys_range_riscv64",
    "pmpcfg_write": "pmpcfg_csr_write_riscv64",
    "pmpaddr_write": "pmpaddr_csr_write_riscv64",
}


def anonymous_memory(size_bytes: int, *, huge_pages: bool = False) -> npt.NDArray[np.uint8]:
    """Zeroed private memory, touched only where it is used."""
    memory = mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if huge_pages:
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8)


@functools.cache
def replace_csr_handlers() -> tuple[int, machine_code.CodeMemory]:
    """Make the registers in `csrs` ours in engines of machines.

    Returns the address of libunicorn's own handler for writes of mstatus, and code that has to stay.
    """
    code = machine_code.CodeMemory()
    for register in range(bits.CSR_CYCLE, bits.CSR_HPMCOUNTER31 + 1):
        set_csr(code, register, predicate=csrs.may_read_counter.address)
    for register in (bits.CSR_CYCLE, bits.CSR_TIME, bits.CSR_INSTRET):
        set_csr(code, register, read=csrs.read_counter.address)
    for register in (bits.CSR_MCYCLE, bits.CSR_MINSTRET):
        set_csr(code, register, read=csrs.read_counter.address, write=csrs.write_counter.address)
    set_csr(code, bits.CSR_MIP, change=csrs.change_mip.address)
    set_csr(code, bits.CSR_SIP, change=csrs.change_sip.address)
    set_csr(code, bits.CSR_SATP, write=csrs.write_satp.address)
    for index in range(bits.PMPCFG_REGISTERS):
        set_csr(code, bits.CSR_PMPCFG0 + index, write=csrs.write_pmp_config.address)
    for index in range(bits.PMPADDR_REGISTERS):
        set_csr(code, bits.CSR_PMPADDR0 + index, write=csrs.write_pmp_address.address)
    set_csr(code, bits.CSR_SSTATUS, read=csrs.read_sstatus.address)
    for register in (bits.CSR_MEPC, bits.CSR_SEPC):
        set_csr(code, register, write=csrs.write_exception_pc.address)
    mstatus = set_csr(
        code, bits.CSR_MSTATUS, read=csrs.read_mstatus.address, write=csrs.write_mstatus.address
    )
    return int(mstatus.write), code


@functools.cache
def replace_functions() -> machine_code.CodeMemory:
    """Make libunicorn call ours instead of some functions of its own, in every engine of this process.

    What it emits at the start of each block, a call that asks whether to stop, it doesn't emit any more for engines of
    machines: those are stopped by their block hook, which leaves the block. The hypervisor extension isn't there, so
    that to ask whether floating point is on is to look at mstatus. Translated code reaches tlb_flush by an sfence.vma
    only, through a helper that ends in a jump there, so that its caller isn't in libunicorn's own code.
    """
    code = machine_code.CodeMemory()
    emit_call = "tcg_gen_callN_riscv64"
    skip = machine_code.skip_if(
        second=address_of("helper_check_exit_request_riscv64"),
        record=TRANSLATOR_ENGINE,
        flag=ENGINE_NO_EXIT_REQUEST,
        original=address_of(emit_call),
    )
    redirect(emit_call, code.add(skip))
    for symbol, ours in floating_point.REPLACED.items():
        redirect(symbol, code.add(machine_code.with_fourth(ours.address, address_of(symbol))))
    start, size_bytes = code_range()
    flush = machine_code.if_called_from_elsewhere(
        start,
        size_bytes,
        record=CPU_ENV + ENV_ENGINE,
        flag=ENGINE_NO_EXIT_REQUEST,
        function=fence.fence.address,
        original=address_of("tlb_flush_riscv64"),
    )
    redirect("tlb_flush_riscv64", code.add(flush))
    redirect("tlb_reset_dirty_by_vaddr_riscv64", new_code.code_was_translated.address)
    redirect(
        "riscv_cpu_fp_enabled_riscv64",
        code.add(machine_code.test_word(_offset(ENV, "mstatus"), bits.MSTATUS_FS)),
    )
    return code


@exported(void(int64))
def _prepare_first(wiring_address: int) -> None:
    wiring = wiring_at(wiring_address)
    prepare_next(wiring, wiring.blocks_first)


class Wires:
    """State, engines and hooks of one machine, wired together. Everything here is host-dependent but `board`."""

    def __init__(self, ram_bytes: int, harts: int, disks: tuple[Disk, ...] = ()) -> None:
        """Make `harts` engines on one RAM of `ram_bytes`. `GuestError` if one of the disks can't be used."""
        check_version()
        replace_functions()
        self.ram = anonymous_memory(ram_bytes, huge_pages=True)
        self.board = np.zeros(1, BOARD)
        self.control = np.zeros(1, CONTROL)
        self.wirings = np.zeros(harts, WIRING)
        self.pages = np.zeros(ram_bytes >> bits.PAGE_SHIFT, np.int32)
        self.memory: list[Any] = []
        self.translations: list[npt.NDArray[np.uint8]] = []
        """Of each hart: its table of TRANSLATION records."""
        self.engines: list[Engine] = []
        self.code = machine_code.CodeMemory()
        control: Any = self.control[0]
        control["ram_address"], control["ram_bytes"] = self.ram.ctypes.data, ram_bytes
        control["pages_address"] = self.pages.ctypes.data
        control["wirings_address"] = self.wirings.ctypes.data
        self.disks = Disks(disks, control)
        for hart in range(harts):
            self._add_hart(hart)

    @property
    def first_wiring(self) -> int:
        """Where hart 0 is wired: what native code takes for the machine."""
        return int(self.wirings.ctypes.data)

    def _add_hart(self, hart: int) -> None:
        engine = Engine(self.ram, RAM_BASE, CODE_BUFFER_BYTES)
        self.engines.append(engine)
        wiring: Any = self.wirings[hart]
        address = self.wirings.ctypes.data + hart * WIRING.itemsize
        blocks = anonymous_memory(BLOCKS_BYTES)
        translations = anonymous_memory((1 << TRANSLATIONS_BITS) * TRANSLATION.itemsize)
        self.memory.append(blocks)
        self.translations.append(translations)
        wiring["board"], wiring["control"] = self.board.ctypes.data, self.control.ctypes.data
        wiring["hart"] = hart
        wiring["engine"], wiring["cpu"], wiring["env"] = engine.address, engine.cpu, engine.env
        wiring["blocks_first"] = blocks.ctypes.data
        wiring["blocks_end"] = blocks.ctypes.data + blocks.nbytes - BLOCK_BYTES_MAX
        wiring["translations_address"], wiring["translations_generation"] = translations.ctypes.data, 1
        for name, symbol in _FUNCTIONS.items():
            wiring[name] = address_of(symbol)
        wiring["mstatus_write"], _ = replace_csr_handlers()
        registers: Any = engine.registers[0]
        registers["wiring"], registers["mhartid"] = address, hart
        engine.replace_tlb_fill(mmu.tlb_fill.address)
        for base, size, read, write in _DEVICES:
            engine.map_device(base, size, read.address, write.address, address)
        engine.add_hook(unicorn.UC_HOOK_INTR, hooks.exception_callback.address, address)
        engine.add_hook(unicorn.UC_HOOK_INSN_INVALID, hooks.breakpoint_callback.address, address)
        board, control = self.board.ctypes.data, self.control.ctypes.data
        hook = machine_code.block_hook(
            position=board + _offset(BOARD, "position"),
            control=control,
            deadline=control + _offset(CONTROL, "deadline"),
            in_flight=control + _offset(CONTROL, "block"),
            slow=hooks.begin_block_callback.address,
            wiring=address,
        )
        wiring["hook"] = engine.add_block_hook(self.code.add(hook), int(wiring["blocks_first"]))
        _prepare_first(address)


def _offset(record: np.dtype[Any], field: str) -> int:
    assert record.fields is not None
    return int(record.fields[field][1])
