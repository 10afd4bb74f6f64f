"""Everything that reaches into libunicorn beyond its API: symbols, its structures, its handlers.

Pinned to the riscv64 target of unicorn 2.1.4 on x86-64. `Engine` opens, wires and checks one; what doesn't look as
`layout` says raises `InternalError` before a guest runs.
"""

from __future__ import annotations

import ctypes
from importlib.metadata import version

import numpy as np
import unicorn
from unicorn import riscv_const
from unicorn.unicorn_py3 import unicorn as binding

from lockstep.errors import InternalError
from lockstep.machine.engine import layout
from lockstep.machine.engine.machine_code import CodeMemory, if_flagged

UNICORN_VERSION = "2.1.4"

library: ctypes.CDLL = binding.uclib


def address_of(symbol: str) -> int:
    """Address of a function that libunicorn exports, internal ones included."""
    try:
        function = getattr(library, symbol)
    except AttributeError:
        raise InternalError(f"libunicorn has no {symbol}: install unicorn=={UNICORN_VERSION}") from None
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address
    return address


def check_version() -> None:
    """Refuse any other version than the one whose insides `layout` describes."""
    found = version("unicorn")
    if found != UNICORN_VERSION:
        raise InternalError(f"unicorn {found} is installed, but lockstep needs unicorn=={UNICORN_VERSION}")


class _CsrOperations(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("predicate", "read", "write", "change")]


def set_csr(
    code: CodeMemory,
    register: int,
    *,
    predicate: int | None = None,
    read: int | None = None,
    write: int | None = None,
    change: int | None = None,
) -> _CsrOperations:
    """Replace handlers of a CSR, for engines of machines, by C functions at the addresses given.

    Handlers are shared by all engines of this process; what chooses between ours and libunicorn's goes to `code`.
    Returns the handlers that were there.
    """
    operations = _CsrOperations()
    number = ctypes.c_int(register)
    library.riscv_get_csr_ops_riscv64(number, ctypes.byref(operations))
    before = _CsrOperations.from_buffer_copy(operations)
    ours = {"predicate": predicate, "read": read, "write": write, "change": change}
    for name, function in ours.items():
        if function is not None:
            original = getattr(before, name) or 0
            chooses = if_flagged(layout.ENV_ENGINE, layout.ENGINE_NO_EXIT_REQUEST, function, original)
            setattr(operations, name, code.add(chooses))
    library.riscv_set_csr_ops_riscv64(number, ctypes.byref(operations))
    return before


def read_word(address: int) -> int:
    """The int64 at host address `address`."""
    return ctypes.c_int64.from_address(address).value


def write_word(address: int, value: int) -> None:
    """Store int64 `value` at host address `address`."""
    ctypes.c_int64.from_address(address).value = value


class Engine:
    """One hart's libunicorn engine: RV64GC with M, S and U modes, RAM shared with the other harts of its machine."""

    def __init__(self, ram: np.ndarray, ram_base: int, code_buffer_bytes: int) -> None:
        """Open an engine on `ram`, uint8, mapped at physical address `ram_base`."""
        self.uc = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
        self.uc.ctl_set_cpu_model(riscv_const.UC_CPU_RISCV64_SIFIVE_U54)
        self.uc.ctl_set_tcg_buffer_size(code_buffer_bytes)
        self.uc.mem_map_ptr(ram_base, ram.nbytes, unicorn.UC_PROT_ALL, ram.ctypes.data)
        self.uc.ctl_exits_enabled(True)
        self.uc.ctl_set_exits([])
        handle = self.uc._uch.value
        assert handle
        self.address: int = handle
        self.cpu: int = read_word(handle + layout.ENGINE_CPU)
        self.env: int = self.cpu + layout.CPU_ENV
        registers = (ctypes.c_char * layout.ENV_BYTES).from_address(self.env)
        self.registers = np.frombuffer(memoryview(registers), layout.ENV)
        self._check(code_buffer_bytes)
        self._trust_memory_accesses()

    def _check(self, code_buffer_bytes: int) -> None:
        registers = self.registers[0]
        expected = [0x5150_0000 + number for number in range(1, 32)]
        for number, value in enumerate(expected, 1):
            self.uc.reg_write(riscv_const.UC_RISCV_REG_X0 + number, value)
        self.uc.reg_write(riscv_const.UC_RISCV_REG_PC, 0x1234_5678)
        self.uc.reg_write(riscv_const.UC_RISCV_REG_MSCRATCH, 0x6D73_6372)
        self.uc.reg_write(riscv_const.UC_RISCV_REG_STVEC, 0x7374_7660)
        fits = (
            list(registers["gpr"][1:]) == expected
            and registers["pc"] == 0x1234_5678
            and registers["mscratch"] == 0x6D73_6372
            and registers["stvec"] == 0x7374_7660
            and registers["engine"] == self.address
            and registers["priv"] == 3
            and read_word(self.cpu + layout.CPU_TLB_FILL) == address_of("riscv_cpu_tlb_fill_riscv64")
            and ctypes.c_int32.from_address(self.cpu + layout.CPU_CFLAGS_NEXT_TB).value == -1
            and read_word(self.cpu + layout.CPU_CLASS) < self.cpu + 2 * layout.CPU_ENV
            and read_word(read_word(self.address + layout.ENGINE_TRANSLATOR) + layout.TRANSLATOR_ENGINE)
            == self.address
            and bytes(ctypes.string_at(self.address + layout.ENGINE_FLAGS, 4)) == bytes((0, 0, 0, 1))
            and ctypes.c_uint32.from_address(self.address + layout.ENGINE_CODE_BUFFER_BYTES).value
            == code_buffer_bytes
        )
        if not fits:
            raise InternalError(
                f"libunicorn isn't laid out as lockstep knows it: install unicorn=={UNICORN_VERSION} for x86-64 Linux"
            )
        registers["gpr"][:] = 0
        for name in ("pc", "mscratch", "stvec"):
            registers[name] = 0

    def _trust_memory_accesses(self) -> None:
        """Let translated code not ask after each load and store whether to stop.

        That call costs a fifth of the time, for it makes TCG write all guest registers back to memory. What makes this
        machine stop is its block hook; nothing calls `uc_emu_stop` from within an access or from another thread.
        """
        ctypes.c_uint8.from_address(self.address + layout.ENGINE_NO_EXIT_REQUEST).value = 1

    def replace_tlb_fill(self, function: int) -> None:
        """Let the C function at `function` stand in for `riscv_cpu_tlb_fill` in this engine."""
        write_word(self.cpu + layout.CPU_TLB_FILL, function)

    def add_hook(self, kind: int, function: int, user_data: int) -> int:
        """Install a C callback for every address; returns the address of libunicorn's `struct hook`."""
        hook = ctypes.c_size_t()
        error = library.uc_hook_add(
            self.uc._uch,
            ctypes.byref(hook),
            ctypes.c_int(kind),
            ctypes.c_void_p(function),
            ctypes.c_void_p(user_data),
            ctypes.c_uint64(1),
            ctypes.c_uint64(0),
        )
        if error:
            raise InternalError(f"libunicorn refused a hook: {unicorn.UcError(error)}")
        return hook.value

    def add_block_hook(self, function: int, record: int) -> int:
        """Install the block hook with `record` as its user data, and check where libunicorn keeps that."""
        hook = self.add_hook(unicorn.UC_HOOK_BLOCK, function, record)
        if read_word(hook + layout.HOOK_USER_DATA) != record:
            raise InternalError(f"libunicorn's hooks look different: install unicorn=={UNICORN_VERSION}")
        return hook

    def map_device(self, base: int, size: int, read: int, write: int, user_data: int) -> None:
        """Map a device's registers at physical `base`, served by C callbacks."""
        error = library.uc_mmio_map(
            self.uc._uch,
            ctypes.c_uint64(base),
            ctypes.c_uint64(size),
            ctypes.c_void_p(read),
            ctypes.c_void_p(user_data),
            ctypes.c_void_p(write),
            ctypes.c_void_p(user_data),
        )
        if error:
            raise InternalError(f"libunicorn refused a device at {base:#x}: {unicorn.UcError(error)}")
