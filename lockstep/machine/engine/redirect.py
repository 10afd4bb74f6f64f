"""Puts functions of ours in the place of libunicorn's own, where libunicorn calls itself.

libunicorn exports its functions, so that calls between its files go through the global offset table (System V ABI,
AMD64 supplement, section 5.2), whose slots can be written. A slot is found by the relocation that filled it.
"""

from __future__ import annotations

import ctypes
import functools

import numpy as np
import numpy.typing as npt

from lockstep.errors import InternalError
from lockstep.machine.engine.libunicorn import address_of, library, read_word, write_word

_LINK_MAP = 2  # RTLD_DI_LINKMAP of dlinfo(3)
_JUMP_SLOT = 7  # R_X86_64_JUMP_SLOT
_RELOCATION = np.dtype(
    [("offset", np.uint64), ("type", np.uint32), ("symbol", np.uint32), ("addend", np.int64)]
)
_SYMBOL = np.dtype(
    [
        ("name", np.uint32),
        ("info", np.uint8),
        ("other", np.uint8),
        ("section", np.uint16),
        ("value", np.uint64),
        ("size", np.uint64),
    ]
)
_SEGMENT = np.dtype(
    [
        ("type", np.uint32),
        ("flags", np.uint32),
        ("offset", np.uint64),
        ("address", np.uint64),
        ("physical", np.uint64),
        ("file_size", np.uint64),
        ("size", np.uint64),
        ("align", np.uint64),
    ]
)
_LOAD, _EXECUTABLE = 1, 1  # PT_LOAD, PF_X
_DYNAMIC = {"relocations_bytes": 2, "symbols": 6, "relocations": 23}  # DT_PLTRELSZ, DT_SYMTAB, DT_JMPREL


def _records(address: int, size_bytes: int, record: np.dtype[np.void]) -> npt.NDArray[np.void]:
    return np.frombuffer(memoryview((ctypes.c_char * size_bytes).from_address(address)), record)


@functools.cache
def _loaded_at() -> tuple[int, int]:
    """Where libunicorn was loaded, and its dynamic section."""
    link_map = ctypes.c_void_p()
    loader = ctypes.CDLL(None)
    if loader.dlinfo(ctypes.c_void_p(library._handle), ctypes.c_int(_LINK_MAP), ctypes.byref(link_map)) != 0:
        raise InternalError("the dynamic loader doesn't tell where libunicorn is")
    assert link_map.value
    return read_word(link_map.value), read_word(link_map.value + 16)


def code_range() -> tuple[int, int]:
    """Address and size in bytes of libunicorn's code (its executable segment; System V ABI, program header)."""
    base, _ = _loaded_at()
    segments_offset, segments_count = read_word(base + 32), ctypes.c_uint16.from_address(base + 56).value
    for segment in _records(base + segments_offset, segments_count * _SEGMENT.itemsize, _SEGMENT):
        if segment["type"] == _LOAD and segment["flags"] & _EXECUTABLE:
            return base + int(segment["address"]), int(segment["size"])
    raise InternalError("libunicorn has no code")


@functools.cache
def _slots() -> dict[int, int]:
    """Address of each function that libunicorn calls through its table -> address of its slot."""
    base, entry = _loaded_at()
    found: dict[int, int] = {}
    while (tag := read_word(entry)) != 0:
        found[tag] = read_word(entry + 8)
        entry += 16
    at = {name: found[tag] for name, tag in _DYNAMIC.items()}
    relocations = _records(at["relocations"], at["relocations_bytes"], _RELOCATION)
    symbols = _records(at["symbols"], (int(relocations["symbol"].max()) + 1) * _SYMBOL.itemsize, _SYMBOL)
    assert (relocations["type"] == _JUMP_SLOT).all()
    values = symbols["value"][relocations["symbol"]]
    return {
        base + int(value): base + int(offset)
        for value, offset in zip(values, relocations["offset"], strict=True)
        if value
    }


def redirect(symbol: str, function: int) -> None:
    """From now on libunicorn calls the C function at `function` where it called its own `symbol`.

    What translated code calls directly, and calls within one of libunicorn's files, stay as they are.
    """
    slot = _slots().get(address_of(symbol))
    if slot is None:
        raise InternalError(f"libunicorn doesn't call {symbol} through its table")
    write_word(slot, function)
