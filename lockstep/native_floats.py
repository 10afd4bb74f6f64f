"""IEEE 754 double arithmetic in nopython code, on the bits of doubles as int64: no NaN or sign is lost on the way."""

from __future__ import annotations

from typing import Any

from lockstep.native import int64, intrinsic, ir


def _operation(name: str) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        left, right = (builder.bitcast(value, ir.DoubleType()) for value in values)
        return builder.bitcast(getattr(builder, name)(left, right), ir.IntType(64))

    return int64(int64, int64), emit


@intrinsic
def float64_add(typing_context: Any, left: Any, right: Any) -> Any:
    """`left` + `right`, rounded to nearest even."""
    return _operation("fadd")


@intrinsic
def float64_subtract(typing_context: Any, left: Any, right: Any) -> Any:
    """`left` - `right`, rounded to nearest even."""
    return _operation("fsub")


@intrinsic
def float64_multiply(typing_context: Any, left: Any, right: Any) -> Any:
    """`left` times `right`, rounded to nearest even."""
    return _operation("fmul")


@intrinsic
def float64_divide(typing_context: Any, left: Any, right: Any) -> Any:
    """`left` divided by `right`, rounded to nearest even. No exception where `right` is zero."""
    return _operation("fdiv")
