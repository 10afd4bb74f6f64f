"""Compiled code at rest: one file with the machine code of all that native or Python code enters by address."""

from __future__ import annotations

import ctypes
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import msgspec
import xxhash

from lockstep.native_cache import IMAGE_FILE, NATIVE_CACHE

COMPILE_VARIABLE = "LOCKSTEP_NATIVE"
"""Environment variable; "compile" lets a process compile for itself, so that Python can call all nopython functions."""
_CHECKSUM_BYTES = 16
_C_TYPES: dict[str, Any] = {
    "int64": ctypes.c_int64,
    "int32": ctypes.c_int32,
    "bool": ctypes.c_bool,
    "none": None,
}
"""By the names that Numba gives to types."""
_IN_NUMBA = (
    "NRT_Free",
    "numba_do_raise",
    "numba_gil_ensure",
    "numba_gil_release",
    "numba_runtime_build_excinfo_struct",
    "numba_unpickle",
)
"""What compiled code would call to raise a Python exception: here it never does, and Numba isn't there."""


class NativeFunction(msgspec.Struct, frozen=True, array_like=True):
    """One C function: the name of its symbol, and an ELF object file that needs no other."""

    symbol: str
    code: bytes


class Image(msgspec.Struct, frozen=True):
    """All functions, by module and name, compiled for one processor."""

    cpu: str
    functions: dict[str, NativeFunction]


def cpu_name() -> str:
    """The processor that compiled code is for: its model and features."""
    return f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"


def write_image(directory: Path, image: Image) -> None:
    """Keep `image` in `directory`; it is there as a whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=directory)
    with open(descriptor, "wb") as file:
        encoded = msgspec.msgpack.encode(image)
        file.write(xxhash.xxh3_128_digest(encoded) + encoded)
    os.replace(temporary, directory / IMAGE_FILE)


def has_image(directory: Path) -> bool:
    """Whether `directory` has an image that this processor can run."""
    return read_image(directory) is not None


def read_image(directory: Path) -> Image | None:
    """The image in `directory`; None if there is none that this processor can run."""
    try:
        stored = memoryview((directory / IMAGE_FILE).read_bytes())
        if xxhash.xxh3_128_digest(stored[_CHECKSUM_BYTES:]) != stored[:_CHECKSUM_BYTES]:
            return None  # cut off, or damaged: running it could do anything
        image = msgspec.msgpack.decode(stored[_CHECKSUM_BYTES:], type=Image)
    except (OSError, msgspec.MsgspecError):
        return None
    return image if image.cpu == cpu_name() else None


def load(image: Image) -> dict[str, int]:
    """Load the code of `image`; the addresses of its functions, good as long as the process lives."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    for symbol in _IN_NUMBA:
        if llvm.address_of_symbol(symbol) is None:
            llvm.add_symbol(symbol, _address_of_abort())
    triple = llvm.Target.from_default_triple()
    addresses = {}
    for name, function in image.functions.items():
        machine = triple.create_target_machine(jit=True)
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        engine.add_object_file(llvm.ObjectFileRef.from_data(function.code))
        engine.finalize_object()
        addresses[name] = engine.get_function_address(function.symbol)
        _engines.append(engine)
    return addresses


_engines: list[Any] = []


def _address_of_abort() -> int:
    return ctypes.cast(ctypes.CDLL(None).abort, ctypes.c_void_p).value or 0


def c_function(address: int, types: Sequence[str], *, releases_gil: bool) -> Callable[..., Any]:
    """The C function at `address` for Python to call; `types` are those of its result and its arguments."""
    prototype = ctypes.CFUNCTYPE if releases_gil else ctypes.PYFUNCTYPE
    return prototype(*(_C_TYPES[name] for name in types))(address)


IMAGE = None if os.environ.get(COMPILE_VARIABLE) == "compile" else read_image(NATIVE_CACHE)
"""What this process runs; None if it compiles for itself."""
