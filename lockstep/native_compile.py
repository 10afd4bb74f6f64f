"""Native code made by Numba: what `lockstep.native` offers where no image of it is at hand.

Functions are compiled when they are defined or first called, and kept in Numba's own cache as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from llvmlite import ir as ir
from numba import carray as carray
from numba import types as types
from numba.core import cgutils as cgutils
from numba.core.compiler_lock import global_compiler_lock
from numba.extending import intrinsic as _intrinsic

from lockstep.native_cache import NATIVE_CACHE
from lockstep.native_image import Image, NativeFunction, c_function, cpu_name, write_image

numba.config.CACHE_DIR = str(NATIVE_CACHE)

Function = TypeVar("Function", bound=Callable[..., Any])

int64 = types.int64
int32 = types.int32
void = types.void
pointer = types.voidptr
boolean = types.boolean

_entries: dict[str, Any] = {}
"""What native or Python code enters by address: module and name -> Numba's object."""


def nopython(function: Function) -> Function:
    """Compile `function` on first call, without Python objects, cached on disk."""
    compiled: Function = numba.njit(cache=True, nogil=True)(function)
    return compiled


def inline(function: Function) -> Function:
    """As `nopython`, for small helpers that LLVM should always inline."""
    compiled: Function = numba.njit(cache=True, nogil=True, inline="never", forceinline=True)(function)
    return compiled


def callback(signature: Any) -> Callable[[Function], Any]:
    """Make a C function of `signature`; `.address` is what native code calls."""

    def decorate(function: Function) -> Any:
        compiled = numba.cfunc(signature, cache=True, nopython=True)(function)
        _entries[f"{function.__module__}.{function.__name__}"] = compiled
        return compiled

    return decorate


def exported(
    signature: Any, *, releases_gil: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a C function of `signature` that Python code calls. What takes its time has to let go of the GIL."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        compiled = callback(signature)(function)
        names = [str(kind) for kind in (signature.return_type, *signature.args)]
        return c_function(compiled.address, names, releases_gil=releases_gil)

    return decorate


def save_image() -> None:
    """Keep all that was made by `callback` and `exported` so far, for processes that then need no Numba."""
    functions = {name: _native_function(compiled) for name, compiled in _entries.items()}
    write_image(NATIVE_CACHE, Image(cpu=cpu_name(), functions=functions))


def _native_function(compiled: Any) -> NativeFunction:
    symbol = compiled.native_name
    try:
        _, _, (code, _) = compiled._library.serialize_using_object_code()
    except RuntimeError:
        # It came from Numba's cache, and Numba has forgotten the machine code since. Compiled anew it is named anew.
        with global_compiler_lock:
            result = compiled._compile_uncached()
            symbol = result.fndesc.llvm_cfunc_wrapper_name
            _, _, (code, _) = result.library.serialize_using_object_code()
    return NativeFunction(symbol=symbol, code=code)


def intrinsic(function: Callable[..., Any]) -> Any:
    """Define a nopython function by the LLVM IR that it emits."""
    return _intrinsic(function)
