"""How the host's floating-point unit is set up changes nothing: libunicorn computes with it."""

from __future__ import annotations

import ctypes
import random
import struct
from collections.abc import Iterator

import assembler
import programs
import pytest
import random_programs
from assembler import Assembler, addi, csr, i_type, r_type, s_type

from lockstep.machine.machine import Machine

ROUND_UP, DENORMALS_ARE_ZERO, FLUSH_TO_ZERO = 2 << 13, 1 << 6, 1 << 15
"""Bits of MXCSR."""
_MXCSR_OFFSET, _ENVIRONMENT_BYTES = 28, 32
"""In glibc's fenv_t on x86-64."""


def much_arithmetic(seed: int) -> bytes:
    """Sums, products, quotients, roots and fused products of all kinds of numbers, each stored."""
    draw, asm = random.Random(seed), Assembler()
    asm.constant(5, 0x6000)
    asm.emit(csr(2, 0, "mstatus", 5))
    asm.constant(6, random_programs.DATA)
    asm.emit(csr(5, 0, "fflags", 1))  # inexact already: only then does libunicorn use the host's unit
    for number in range(1500):
        a, b, c, d = (draw.randrange(32) for _ in range(4))
        double = draw.randrange(2)
        operation = draw.choice((0x00, 0x04, 0x08, 0x0C, 0x2C, 0x43))
        if operation == 0x43:
            asm.emit(r_type(0x43, 0, d << 2 | double, a, b, c))
        else:
            asm.emit(r_type(0x53, 0, operation | double, a, b, 0 if operation == 0x2C else c))
        asm.emit(s_type(0x27, 3, 6, a, 8 * (number % 200)))
        asm.emit(i_type(0x07, 3, draw.randrange(32), 6, 1600 + 8 * draw.randrange(50)))
        if number % 200 == 199:
            asm.emit(addi(6, 6, 1600), i_type(0x03, 3, 7, 6, 0), addi(6, 6, -1600))
    asm.constant(5, 0x10_0000)
    asm.constant(6, assembler.POWER_OFF)
    asm.emit(s_type(0x23, 2, 5, 6, 0))
    asm.label("stop")
    asm.jump("stop")
    return asm.image().ljust(random_programs.DATA - assembler.RAM + 1600, b"\0") + numbers(draw)


def numbers(draw: random.Random) -> bytes:
    """Doubles: ordinary ones, subnormal ones, and pairs whose products are on the edge between the two."""
    kinds = (
        lambda: draw.uniform(-1e3, 1e3),
        lambda: draw.uniform(-1, 1) * 2.0 ** draw.randrange(-540, -480),
        lambda: draw.randrange(1, 1 << 52) * 5e-324,
        lambda: draw.uniform(1, 2) * 2.0 ** draw.randrange(-30, 30),
    )
    return b"".join(struct.pack("<d", draw.choice(kinds)()) for _ in range(60))


@pytest.fixture
def mxcsr() -> Iterator[ctypes.c_uint32]:
    """Sets bits of this thread's MXCSR by `set_bits`; all is as it was afterwards."""
    library = ctypes.CDLL("libm.so.6")
    before = ctypes.create_string_buffer(_ENVIRONMENT_BYTES)
    library.fegetenv(before)
    yield ctypes.c_uint32.from_buffer(before, _MXCSR_OFFSET)
    library.fesetenv(ctypes.c_void_p(-1))


def test_numbers_do_reach_the_hosts_unit(mxcsr: ctypes.c_uint32) -> None:
    """What this test changes is seen by this process: else the one below would prove nothing."""
    small = 5e-324
    set_bits(mxcsr, DENORMALS_ARE_ZERO | FLUSH_TO_ZERO)
    assert small + 0.0 == 0.0
    set_bits(mxcsr, ROUND_UP)
    assert 1.0 + 2.0**-60 > 1.0


def set_bits(mxcsr: ctypes.c_uint32, bits: int) -> None:
    mxcsr.value = 0x1F80 | bits
    buffer = ctypes.c_char.from_address(ctypes.addressof(mxcsr) - _MXCSR_OFFSET)
    ctypes.CDLL("libm.so.6").fesetenv(ctypes.byref(buffer))


@pytest.mark.parametrize("bits", [ROUND_UP, DENORMALS_ARE_ZERO, FLUSH_TO_ZERO])
def test_modes_of_the_hosts_unit_change_nothing(bits: int, mxcsr: ctypes.c_uint32) -> None:
    for seed in range(4):
        config = programs.machine_config(much_arithmetic(seed))
        expected = programs.run_on(Machine(config))
        assert expected.stop == "FINISHED"
        machine = Machine(config)
        set_bits(mxcsr, bits)
        found = programs.run_on(machine)
        assert found == expected, f"seed {seed}: {expected.differences(found)}"
