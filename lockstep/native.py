"""The one typed door to Numba: decorators, raw memory and atomics for nopython code.

All functions made with these decorators are compiled once and cached on disk. Integers in nopython code are
int64 throughout (registers, addresses, positions), so that Python literals mix freely; where an unsigned
comparison matters, `unsigned_less` says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from llvmlite import ir
from numba import carray as carray
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as _intrinsic

from lockstep.native_cache import choose_native_cache

NATIVE_CACHE, NATIVE_CACHE_NOTE = choose_native_cache()
"""Compiled code of this very source, and a line for the user if it had to go somewhere else."""

numba.config.CACHE_DIR = str(NATIVE_CACHE)

Function = TypeVar("Function", bound=Callable[..., Any])

int64 = types.int64
int32 = types.int32
void = types.void
pointer = types.voidptr
boolean = types.boolean


def nopython(function: Function) -> Function:
    """Compile `function` on first call, without Python objects, cached on disk."""
    compiled: Function = numba.njit(cache=True, nogil=True)(function)
    return compiled


def inline(function: Function) -> Function:
    """As `nopython`, for small helpers that LLVM should always inline."""
    compiled: Function = numba.njit(cache=True, nogil=True, inline="never", forceinline=True)(function)
    return compiled


def callback(signature: Any) -> Callable[[Function], Any]:
    """Make a C function of Numba `signature`; `.address` is what native code calls."""

    def decorate(function: Function) -> Any:
        return numba.cfunc(signature, cache=True, nopython=True)(function)

    return decorate


def intrinsic(function: Callable[..., Any]) -> Any:
    """Define a nopython function by the LLVM IR that it emits."""
    return _intrinsic(function)


@intrinsic
def as_pointer(typing_context: Any, address: Any) -> Any:
    """The address (int64) as a void pointer, for `carray`."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), emit


@intrinsic
def as_address(typing_context: Any, void_pointer: Any) -> Any:
    """A void pointer as an address (int64)."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ptrtoint(arguments[0], ir.IntType(64))

    return types.int64(void_pointer), emit


def _word_pointer(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, ir.IntType(64).as_pointer())


@intrinsic
def load_acquire(typing_context: Any, address: Any) -> Any:
    """Load the int64 at `address`; no later access moves before it."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_word_pointer(builder, arguments[0]), "acquire", 8)

    return types.int64(types.int64), emit


@intrinsic
def store_release(typing_context: Any, address: Any, value: Any) -> Any:
    """Store int64 `value` at `address`; no earlier access moves behind it."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store_atomic(arguments[1], _word_pointer(builder, arguments[0]), "release", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), emit


@intrinsic
def exchange(typing_context: Any, address: Any, value: Any) -> Any:
    """Atomically store int64 `value` at `address`; returns what was there (sequentially consistent)."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.atomic_rmw("xchg", _word_pointer(builder, arguments[0]), arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), emit


SIGN_BIT: Any = np.int64(-(2**63))


@inline
def unsigned_less(left: int, right: int) -> bool:
    """Whether `left` < `right` as unsigned 64-bit numbers."""
    return (left ^ SIGN_BIT) < (right ^ SIGN_BIT)
