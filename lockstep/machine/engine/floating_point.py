"""Double arithmetic for guests, on the host's own where that gives the same bits and the same flags.

libunicorn does so as well (QEMU's "hardfloat"), but asks the C library about each operand, which takes longer than
the arithmetic. As there, an operation is the host's only if the guest rounds to nearest even, has the inexact flag
set already, and neither operand nor result is anything but a normal number: then no other flag can be raised.
"""

from __future__ import annotations

from lockstep.machine.access import load_byte
from lockstep.native import callback, inline, int64
from lockstep.native_calls import call_int64
from lockstep.native_floats import float64_add, float64_divide, float64_multiply, float64_subtract

STATUS_ROUNDING, STATUS_FLAGS, STATUS_FLUSH_INPUTS = 1, 2, 5
"""Offsets of bytes in libunicorn's float_status."""
INEXACT = 0x20
_MAGNITUDE = 0x7FFF_FFFF_FFFF_FFFF
_EXPONENT = 0x7FF0_0000_0000_0000
_SMALLEST = 0x0010_0000_0000_0000


@inline
def _is_plain(status: int) -> bool:
    return (
        load_byte(status + STATUS_FLAGS) & INEXACT != 0
        and load_byte(status + STATUS_ROUNDING) == 0
        and load_byte(status + STATUS_FLUSH_INPUTS) == 0
    )


@inline
def _is_normal(bits: int) -> bool:
    magnitude = bits & _MAGNITUDE
    return _SMALLEST <= magnitude < _EXPONENT


@inline
def _is_normal_result(bits: int) -> bool:
    """Not the smallest normal number either: it may have been rounded up to that, which is an underflow."""
    magnitude = bits & _MAGNITUDE
    return _SMALLEST < magnitude < _EXPONENT


@callback(int64(int64, int64, int64, int64))
def add(left: int, right: int, status: int, original: int) -> int:
    """`left` + `right`, doubles as bits; `status` is a float_status, `original` libunicorn's function."""
    if _is_plain(status) and _is_normal(left) and _is_normal(right):
        result = float64_add(left, right)
        if _is_normal_result(result):
            return result
    return call_int64(original, (left, right, status))


@callback(int64(int64, int64, int64, int64))
def subtract(left: int, right: int, status: int, original: int) -> int:
    """`left` - `right`, as `add`."""
    if _is_plain(status) and _is_normal(left) and _is_normal(right):
        result = float64_subtract(left, right)
        if _is_normal_result(result):
            return result
    return call_int64(original, (left, right, status))


@callback(int64(int64, int64, int64, int64))
def multiply(left: int, right: int, status: int, original: int) -> int:
    """`left` times `right`, as `add`."""
    if _is_plain(status) and _is_normal(left) and _is_normal(right):
        result = float64_multiply(left, right)
        if _is_normal_result(result):
            return result
    return call_int64(original, (left, right, status))


@callback(int64(int64, int64, int64, int64))
def divide(left: int, right: int, status: int, original: int) -> int:
    """`left` divided by `right`, as `add`."""
    if _is_plain(status) and _is_normal(left) and _is_normal(right):
        result = float64_divide(left, right)
        if _is_normal_result(result):
            return result
    return call_int64(original, (left, right, status))


REPLACED = {
    "float64_add_riscv64": add,
    "float64_sub_riscv64": subtract,
    "float64_mul_riscv64": multiply,
    "float64_div_riscv64": divide,
}
"""libunicorn's function -> ours, which takes libunicorn's as its last argument."""
