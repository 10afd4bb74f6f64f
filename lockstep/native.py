"""The one typed door to native code: decorators, raw memory and atomics.

Native code is written as nopython Python and compiled by Numba, once per version of the source, into an image. A
process that finds the image loads it and never imports Numba; then nopython functions are there for native code only.
What Python calls is marked `exported`, what libunicorn calls `callback`.

Integers in nopython code are int64 throughout (registers, addresses, positions), so that Python literals mix freely;
where an unsigned comparison matters, `unsigned_less` says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lockstep.native_image import IMAGE

if TYPE_CHECKING or IMAGE is None:
    from lockstep.native_compile import (
        boolean,
        callback,
        carray,
        cgutils,
        exported,
        inline,
        int32,
        int64,
        intrinsic,
        ir,
        nopython,
        pointer,
        save_image,
        types,
        void,
    )
else:
    from lockstep.native_load import (
        boolean,
        callback,
        carray,
        cgutils,
        exported,
        inline,
        int32,
        int64,
        intrinsic,
        ir,
        nopython,
        pointer,
        save_image,
        types,
        void,
    )

__all__ = [
    "SIGN_BIT", "as_pointer", "boolean",
    "callback", "carray", "exchange", "exported", "inline", "int32", "int64", "intrinsic", "ir", "load_acquire",
    "nopython", "pointer", "save_image", "store_release", "unsigned_less", "void",
]  # fmt: skip


@intrinsic
def as_pointer(typing_context: Any, address: Any) -> Any:
    """The address (int64) as a void pointer, for `carray`."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), emit


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
