"""What belongs to this process only changes nothing: buffers' sizes, where memory lies, load, slices."""

from __future__ import annotations

import mmap
import random
import struct

import programs
import pytest
from assembler import (
    MRET,
    POWER_OFF,
    RAM,
    SFENCE_VMA,
    WFI,
    Assembler,
    add,
    addi,
    b_type,
    csr,
    i_type,
    r_type,
    s_type,
)
from random_programs import DATA, FREE, HASH, LOOPS, TABLES, leaf_address

from lockstep.machine import blocks, wire_up
from lockstep.machine.machine import Machine

_MAP_NORESERVE = 0x4000
LONG_CODE_BYTES = 1 << 20


def much_code() -> bytes:
    """Runs through a MiB of code twice, reading minstret here and there: small buffers overflow again and again."""
    asm = Assembler()
    asm.constant(LOOPS, 2)
    asm.label("again")
    draw = random.Random(1)
    while len(asm.code) < LONG_CODE_BYTES:
        asm.emit(*(addi(draw.choice(FREE), draw.choice(FREE), 3) for _ in range(draw.randrange(1, 30))))
        if draw.random() < 0.3:
            asm.emit(csr(2, 5, "minstret", 0))
        asm.emit(b_type(0, 0, 0, 4))
    asm.emit(addi(LOOPS, LOOPS, -1))
    asm.branch(0, LOOPS, 0, "out")
    asm.jump("hop")
    asm.label("out")
    asm.constant(5, 0x10_0000)
    asm.constant(6, POWER_OFF)
    asm.emit(s_type(0x23, 2, 5, 6, 0))
    asm.jump("out")
    asm.label("hop")
    asm.address(7, "again")
    asm.emit(i_type(0x67, 0, 0, 7, 0))
    return asm.image()


@pytest.mark.parametrize("small", ["code", "records"])
def test_full_buffers_change_nothing(small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """libunicorn's code buffer and the arena of records are flushed when full, cut blocks included."""
    config = programs.machine_config(much_code())
    straight = programs.run_on(Machine(config), limit=1 << 30)
    if small == "code":
        monkeypatch.setattr(wire_up, "CODE_BUFFER_BYTES", 1 << 20)
    else:
        monkeypatch.setattr(wire_up, "BLOCKS_BYTES", 40 * blocks.BLOCK_BYTES_MAX)
    assert programs.run_on(Machine(config), limit=1 << 30) == straight
    draw = random.Random(2)
    stops = [draw.randrange(straight.icount) for _ in range(2000)]
    stopped = programs.run_on(Machine(config), exact_stops=stops, limit=1 << 30)
    assert stopped == straight, straight.differences(stopped)


def test_where_memory_lies_changes_nothing() -> None:
    """Machine code is longer where libunicorn is far from its code buffer: blocks must end in the same places."""
    asm = Assembler()
    asm.constant(5, 0x6000)
    asm.emit(csr(2, 0, "mstatus", 5))
    asm.constant(30, DATA)
    asm.constant(29, 0x200_BFF8)
    asm.constant(LOOPS, 200)
    asm.label("loop")
    asm.jump("block")
    asm.align(4096)
    asm.label("block")
    asm.emit(*(i_type(0x07, 2, number % 32, 30, 0) for number in range(900)))
    for offset in (0, 1):
        asm.emit(
            i_type(0x03, 3, 6, 29, 0),
            add(HASH, HASH, 6),
            addi(29, 29, offset * 0),
        )
    asm.emit(addi(LOOPS, LOOPS, -1))
    asm.branch(0, LOOPS, 0, "out")
    asm.jump("loop")
    asm.label("out")
    asm.constant(5, 0x10_0000)
    asm.constant(6, POWER_OFF)
    asm.emit(s_type(0x23, 2, 5, 6, 0))
    asm.jump("out")
    config = programs.machine_config(asm.image())
    near = programs.run_on(Machine(config), limit=1 << 30)
    with mmap.mmap(-1, 1 << 36, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE, prot=0):
        far = programs.run_on(Machine(config), limit=1 << 30)
    assert far == near, near.differences(far)


def test_when_a_waiting_hart_was_last_looked_at_changes_nothing() -> None:
    """Its timer comes due while another hart runs: in one stretch, or with a look at the machine every few steps."""
    asm = Assembler()
    asm.emit(csr(2, 5, "mhartid", 0))
    asm.branch(1, 5, 0, "other")
    asm.label("spin")
    asm.emit(addi(10, 10, 1))
    asm.jump("spin")
    asm.label("other")
    asm.constant(6, 0x200_4008)
    asm.constant(7, 1500)  # at position 150,000, amid the second turn of hart 0
    asm.emit(s_type(0x23, 3, 6, 7, 0))
    asm.label("wait")
    asm.emit(WFI)
    asm.jump("wait")
    config = programs.machine_config(asm.image(), harts=2)
    for end in (140_000, 160_000, 199_000):
        straight, watched = Machine(config), Machine(config)
        straight.run(limit=end)
        while watched.position < end:
            watched.run(limit=min(watched.position + 97, end))
        assert watched.position == straight.position
        assert watched.digest() == straight.digest(), f"at {end}"


def test_code_is_looked_up_after_each_fence() -> None:
    """Chained or not: a loop clears the accessed bit of its own page, fences, and finds it set by the next fetch."""
    asm, times = Assembler(), 50
    asm.constant(5, (1 << 54) - 1)
    asm.emit(csr(1, 0, "pmpaddr0", 5), addi(5, 0, 0x1F), csr(1, 0, "pmpcfg0", 5))
    asm.constant(5, 1 << 11)
    asm.emit(csr(2, 0, "mstatus", 5))
    asm.constant(5, 8 << 60 | TABLES >> 12)
    asm.emit(csr(1, 0, "satp", 5))
    asm.address(5, "supervisor")
    asm.emit(csr(1, 0, "mepc", 5), MRET)
    asm.label("supervisor")
    asm.constant(6, leaf_address(0))
    asm.emit(addi(7, 0, ~0x40), addi(10, 0, 0), addi(11, 0, times))
    asm.label("loop")
    asm.emit(r_type(0x2F, 3, 0x60, 0, 6, 7), SFENCE_VMA)
    asm.emit(i_type(0x03, 3, 8, 6, 0), i_type(0x13, 7, 8, 8, 0x40), add(10, 10, 8), addi(11, 11, -1))
    asm.branch(1, 11, 0, "loop")
    asm.constant(5, 0x10_0000)
    asm.constant(6, POWER_OFF)
    asm.emit(s_type(0x23, 2, 5, 6, 0))
    asm.label("stop")
    asm.jump("stop")
    everything = 0xCF
    root, middle = [everything, 0, (TABLES + 0x1000) >> 12 << 10 | 1], [0] * 512
    middle[0] = (TABLES + 0x2000) >> 12 << 10 | 1
    leaves = [(RAM >> 12) + page << 10 | everything for page in range(512)]
    tables = struct.pack("<1536Q", *root, *[0] * 509, *middle, *leaves)
    image = asm.image().ljust(TABLES - RAM, b"\0") + tables
    machine = Machine(programs.machine_config(image))
    assert programs.run_on(machine).stop == "FINISHED"
    assert machine.wires.engines[0].registers[0]["gpr"][10] == 0x40 * times
