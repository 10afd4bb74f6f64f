"""CSRs that hold state, seen from outside: which bits each has, and its value as the guest would read it.

libunicorn keeps some of them in its own way; counters are sums of a count and an offset (`csrs`).
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from lockstep.machine.engine.libunicorn import library
from lockstep.machine.riscv.bits import (
    HARDWARE_INTERRUPTS,
    PMP_ENTRIES,
    PMP_LOCK,
    PMP_MATCHING,
    PMP_R,
    PMP_W,
    PMP_X,
    S_MODE_INTERRUPTS,
    SEIP,
)

if TYPE_CHECKING:
    from lockstep.machine.machine import Machine

ALL_BITS = (1 << 64) - 1
EVEN_BITS = ALL_BITS - 1
"""Instructions lie at even addresses: a program counter has no bit 0 (volume II, section 3.1.19)."""
_INTERRUPTS = S_MODE_INTERRUPTS | HARDWARE_INTERRUPTS
_STATUS = 1 << 63 | 0x7F_FFFF & ~(1 << 0 | 1 << 2 | 1 << 4 | 1 << 6 | 3 << 9)
_STATUS_MOVED, _STATUS_MOVED_SHIFT = 3 << 21, 8
"""TW and TSR, which libunicorn keeps 8 bits too high."""
_EXCEPTIONS = 0xB3FF
_FLOAT_FLAGS = ((0, 5), (1, 4), (2, 3), (3, 2), (4, 0))
"""NX, UF, OF, DZ, NV: their bits in fflags, and those by which QEMU's softfloat keeps them."""
_COUNTERS = {"mcycle": "cycle_offset", "minstret": "instret_offset"}
_PMP_ADDRESS_BITS = (1 << 54) - 1
_PMP_CONFIG = PMP_R | PMP_W | PMP_X | PMP_MATCHING | PMP_LOCK
_PMP_ADDRESSES = {f"pmpaddr{entry}": entry for entry in range(PMP_ENTRIES)}
_PMP_CONFIGS = {"pmpcfg0": 0, "pmpcfg2": 8}
"""The first of the eight entries that each describes."""
TRANSLATION_CSRS = {"satp", "mstatus", *_PMP_ADDRESSES, *_PMP_CONFIGS}
"""What translations and rights that a hart knows depend on."""

CSR_BITS: dict[str, int] = {
    "mstatus": _STATUS,
    "mtvec": ALL_BITS,
    "mscratch": ALL_BITS,
    "mepc": EVEN_BITS,
    "mcause": ALL_BITS,
    "mtval": ALL_BITS,
    "mie": _INTERRUPTS,
    "mip": _INTERRUPTS,
    "mideleg": S_MODE_INTERRUPTS,
    "medeleg": _EXCEPTIONS,
    "mcounteren": 0xFFFF_FFFF,
    "mcycle": ALL_BITS,
    "minstret": ALL_BITS,
    "stvec": ALL_BITS,
    "sscratch": ALL_BITS,
    "sepc": EVEN_BITS,
    "scause": ALL_BITS,
    "stval": ALL_BITS,
    "satp": ALL_BITS,
    "scounteren": 0xFFFF_FFFF,
    "fflags": 0x1F,
    "frm": 0x7,
    **dict.fromkeys(_PMP_CONFIGS, sum(_PMP_CONFIG << 8 * index for index in range(8))),
    **dict.fromkeys(_PMP_ADDRESSES, _PMP_ADDRESS_BITS),
}
"""The CSRs that hold state of their own, in the order of reports, and their bits that exist."""


def read_csr(machine: Machine, hart: int, name: str) -> int:
    """The value of the CSR `name`, modulo 2**64."""
    env: Any = machine.wires.engines[hart].registers[0]
    if name == "fflags":
        kept = int(env["float_exception_flags"])
        return sum((kept >> place & 1) << bit for bit, place in _FLOAT_FLAGS)
    if name == "mstatus":
        value = int(env["mstatus"])
        return (value & ~_STATUS_MOVED | (value >> _STATUS_MOVED_SHIFT) & _STATUS_MOVED) & _STATUS
    if name in _COUNTERS:
        return _retired(machine, hart) + int(machine.board["harts"][hart][_COUNTERS[name]])
    if name in _PMP_ADDRESSES:
        return int(env["pmp"][_PMP_ADDRESSES[name]]["address"])
    if name in _PMP_CONFIGS:
        entries = env["pmp"][_PMP_CONFIGS[name] :][:8]
        return sum((int(entry["config"]) & 0xFF) << 8 * index for index, entry in enumerate(entries))
    return int(env[name])


def write_csr(machine: Machine, hart: int, name: str, value: int) -> None:
    """Set the CSR `name` to `value`, of which only bits that exist are set. Flushes nothing."""
    env: Any = machine.wires.engines[hart].registers[0]
    record: Any = machine.board["harts"][hart]
    if name == "fflags":
        env["float_exception_flags"] = sum((value >> bit & 1) << place for bit, place in _FLOAT_FLAGS)
    elif name == "mstatus":
        moved = value & _STATUS_MOVED
        env["mstatus"] = signed(value & ~_STATUS_MOVED | moved << _STATUS_MOVED_SHIFT)
    elif name in _COUNTERS:
        record[_COUNTERS[name]] = signed(value - _retired(machine, hart))
    elif name in _PMP_ADDRESSES:
        _write_pmp(machine, hart, _PMP_ADDRESSES[name], address=value)
    elif name in _PMP_CONFIGS:
        for index in range(8):
            _write_pmp(machine, hart, _PMP_CONFIGS[name] + index, config=value >> 8 * index & 0xFF)
    else:
        if name == "mip":
            # SEIP is made anew from what software wrote and the PLIC's line, the others by the CLINT and the PLIC.
            record["supervisor_external"] = value & SEIP
        env[name] = signed(value)


def signed(value: int) -> int:
    """The int64 with the low 64 bits of `value`."""
    value &= ALL_BITS
    return value - (value >> 63 << 64)


def _retired(machine: Machine, hart: int) -> int:
    """How many instructions `hart` has retired."""
    record: Any = machine.board["harts"][hart]
    turn = machine.icount - int(record["turn_icount"]) if hart == machine.board["current_hart"] else 0
    return int(record["retired"]) + turn


def _write_pmp(
    machine: Machine, hart: int, entry: int, *, address: int | None = None, config: int | None = None
) -> None:
    """Change a PMP entry, locked or not, if that changes anything; libunicorn works out what it covers."""
    engine = machine.wires.engines[hart]
    table: Any = engine.registers[0]["pmp"]
    configs = [int(one) & 0xFF for one in table["config"]]
    new_address = int(table[entry]["address"]) if address is None else address
    if config is not None and config != configs[entry]:
        configs[entry] = config
    elif address is None:
        return
    for index, kept in enumerate(configs):
        table[index]["config"] = kept & ~PMP_LOCK
    library.pmpaddr_csr_write_riscv64(
        ctypes.c_void_p(engine.env), ctypes.c_uint32(entry), ctypes.c_uint64(new_address)
    )
    for index, kept in enumerate(configs):
        table[index]["config"] = kept
