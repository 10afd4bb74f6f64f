"""Where things lie inside libunicorn 2.1.4 (riscv64, x86-64 wheel).

Offsets are in bytes. They were read off a debug build of the tag 2.1.4; `selfcheck` compares each that is used
with the running library and refuses to start rather than guess.

    uc_struct ──cpu──▶ RISCVCPU: CPUState ... | CPUTLB | CPURISCVState (env) | ... | CPUClass
"""

import numpy as np

# uc_struct
ENGINE_CPU = 440
ENGINE_INVALID_ERROR = 1424
ENGINE_FLAGS = 2032
"""Four flags of a byte each: hook_insert, first_tb, no_exit_request, init_done."""
ENGINE_NO_EXIT_REQUEST = ENGINE_FLAGS + 2
ENGINE_CODE_BUFFER_BYTES = 14864
ENGINE_TRANSLATOR = 768

# TCGContext
TRANSLATOR_ENGINE = 35184

# RISCVCPU, which starts with its CPUState
CPU_CFLAGS_NEXT_TB = 24
CPU_CLASS = 33200
CPU_TLB = 33216
CPU_ENV = 36112
CPU_TLB_FILL = 37792

# CPUTLB: for each of four privileges a description with its victims, then for each a mask and a table
MMU_MODES = 4
TLB_DESCRIPTION, TLB_DESCRIPTION_BYTES = CPU_TLB + 32, 696
TLB_VICTIMS, TLB_VICTIMS_COUNT = 48, 8
TLB_FAST, TLB_FAST_BYTES = CPU_TLB + 2816, 16
TLB_ENTRY_BITS = 5
TLB_ENTRY_WRITE = 8
TLB_NOT_DIRTY = 1 << 10
TLB_NOT_WRITABLE = 1 << 11 | TLB_NOT_DIRTY | 1 << 9 | 1 << 6
"""Flags in an entry's address for writes: invalid, not dirty, device, write discarded."""

# struct hook
HOOK_USER_DATA = 48

ENV_BYTES = 1568
ENV_WIRING, ENV_ENGINE = 1000, 1560
ENV_STATE_BYTES = 1528
"""All before this offset of env is state of the hart (with holes); behind it are pointers and fp_status."""

_ENV_FIELDS: dict[str, tuple[object, int]] = {
    "gpr": ((np.int64, (32,)), 0),
    "fpr": ((np.int64, (32,)), 256),
    "pc": (np.int64, 512),
    "load_reservation": (np.int64, 520),
    "frm": (np.int64, 536),
    "badaddr": (np.int64, 544),
    "priv": (np.int64, 592),
    "mhartid": (np.int64, 616),
    "mstatus": (np.int64, 624),
    "mip": (np.int64, 632),
    "mie": (np.int64, 648),
    "mideleg": (np.int64, 656),
    "satp": (np.int64, 672),
    "stval": (np.int64, 680),
    "mtval": (np.int64, 688),
    "medeleg": (np.int64, 696),
    "stvec": (np.int64, 704),
    "sepc": (np.int64, 712),
    "scause": (np.int64, 720),
    "mtvec": (np.int64, 728),
    "mepc": (np.int64, 736),
    "mcause": (np.int64, 744),
    "scounteren": (np.int64, 952),
    "mcounteren": (np.int64, 960),
    "sscratch": (np.int64, 968),
    "mscratch": (np.int64, 976),
    "wiring": (
        np.int64,
        ENV_WIRING,
    ),  # QEMU's `timecmp`, which nothing uses: how a CSR handler finds its hart
    "pmp": ((np.dtype([("address", np.int64), ("config", np.int64)]), (16,)), 1008),
    "pmp_range": ((np.dtype([("first", np.int64), ("last", np.int64)]), (16,)), 1264),
    "pmp_rules": (np.int32, 1520),
    "float_exception_flags": (np.uint8, 1539),
    "engine": (np.int64, ENV_ENGINE),
}

ENV = np.dtype(
    {
        "names": list(_ENV_FIELDS),
        "formats": [field[0] for field in _ENV_FIELDS.values()],
        "offsets": [field[1] for field in _ENV_FIELDS.values()],
        "itemsize": ENV_BYTES,
    }
)
"""The hart's registers inside QEMU, `CPURISCVState`."""
