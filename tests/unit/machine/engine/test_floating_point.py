"""Double arithmetic of ours against libunicorn's softfloat, bit by bit and flag by flag."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.machine.engine import floating_point
from lockstep.machine.engine.libunicorn import address_of

STATUS_BYTES = 16
INEXACT = floating_point.INEXACT
EDGES = [
    sign | magnitude
    for sign in (0, 1 << 63)
    for magnitude in (
        0,
        1,
        0x000F_FFFF_FFFF_FFFF,
        0x0010_0000_0000_0000,
        0x0010_0000_0000_0001,
        0x0020_0000_0000_0000,
        0x3FEF_FFFF_FFFF_FFFF,
        0x3FF0_0000_0000_0000,
        0x3FF0_0000_0000_0001,
        0x4000_0000_0000_0000,
        0x4340_0000_0000_0000,
        0x7FE0_0000_0000_0000,
        0x7FEF_FFFF_FFFF_FFFF,
        0x7FF0_0000_0000_0000,
        0x7FF0_0000_0000_0001,
        0x7FF8_0000_0000_0000,
        0x7FFF_FFFF_FFFF_FFFF,
    )
]
BITS = st.one_of(
    st.sampled_from(EDGES), st.integers(0, (1 << 64) - 1), st.floats(width=64).map(lambda x: bits_of(x))
)


def bits_of(number: float) -> int:
    return ctypes.c_uint64.from_buffer_copy(ctypes.c_double(number)).value


def caller(address: int, *more: int) -> Callable[[int, int, bytes], tuple[int, bytes]]:
    word = ctypes.c_uint64
    function = ctypes.CFUNCTYPE(word, word, word, word, *(word for _ in more))(address)

    def call(left: int, right: int, before: bytes) -> tuple[int, bytes]:
        status = ctypes.create_string_buffer(before, STATUS_BYTES)
        return function(left, right, ctypes.addressof(status), *more), status.raw

    return call


OPERATIONS = {
    symbol: (caller(ours.address, address_of(symbol)), caller(address_of(symbol)))
    for symbol, ours in floating_point.REPLACED.items()
}


def check(symbol: str, left: int, right: int, rounding: int, flags: int, flush: int = 0) -> None:
    status = bytearray(STATUS_BYTES)
    status[floating_point.STATUS_ROUNDING] = rounding
    status[floating_point.STATUS_FLAGS] = flags
    status[floating_point.STATUS_FLUSH_INPUTS] = flush
    ours, theirs = (each(left, right, bytes(status)) for each in OPERATIONS[symbol])
    assert ours == theirs, f"{symbol}({left:#x}, {right:#x}), rounding {rounding}, flags {flags:#x}"


@pytest.mark.parametrize("symbol", OPERATIONS)
@pytest.mark.parametrize("flags", [0, INEXACT, 0x3F])
def test_at_the_edges(symbol: str, flags: int) -> None:
    for left, right in itertools.product(EDGES, EDGES):
        check(symbol, left, right, 0, flags)


@settings(deadline=None)
@given(
    st.sampled_from(list(OPERATIONS)),
    BITS,
    BITS,
    st.integers(0, 3),
    st.sampled_from([0, INEXACT]),
    st.booleans(),
)
def test_anywhere(symbol: str, left: int, right: int, rounding: int, flags: int, flush: bool) -> None:
    check(symbol, left, right, rounding, flags, int(flush))


@settings(deadline=None)
@given(
    st.sampled_from(list(OPERATIONS)), st.integers(0, 1 << 52), st.integers(0, 1 << 52), st.integers(-3, 3)
)
def test_where_results_are_nearly_subnormal(symbol: str, left: int, right: int, exponent: int) -> None:
    half = (0x3FF - 511 + exponent) << 52
    check(symbol, half + left, half + right, 0, INEXACT)
    check(symbol, (1 << 52) + left, (1 << 52) + right, 0, INEXACT)
