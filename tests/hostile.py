"""Guests that mean no good: random bytes as code, random registers, page tables and vectors. Also a program.

    python hostile.py FIRST COUNT    runs guests FIRST .. FIRST + COUNT - 1, each twice, the second time in a relay

prints each seed before its guest runs, so that whoever watches knows which one brought the process down.
"""

from __future__ import annotations

import random
import struct
import sys

import assembler
import programs
from assembler import CSR, MRET, RAM, T3, Assembler, addi, csr, i_type, s_type
from random_programs import BASE, DATA, RECOVER, TABLES

from lockstep.machine.machine import Machine, Stop

LIMIT = 60_000
CODE = RAM + 0x1000
OPCODES = (
    0x03,
    0x07,
    0x0F,
    0x13,
    0x17,
    0x1B,
    0x23,
    0x27,
    0x2F,
    0x33,
    0x37,
    0x3B,
    0x43,
    0x53,
    0x63,
    0x67,
    0x6F,
    0x73,
)
REGISTERS = tuple(number for name, number in CSR.items() if name not in ("mtvec", "mepc"))
PMP_REGISTERS = tuple(range(0x3A0, 0x3A4)) + tuple(range(0x3B0, 0x3C0))
DEVICES = (0x10_0004, 0x10_1000, 0x200_0000, 0x200_4000, 0x200_BFF8, 0xC00_0000, 0xC20_1004, 0x1000_0000)
EDGES = (
    0,
    1,
    RAM - 1,
    RAM + programs.MEMORY_BYTES - 3,
    RAM + programs.MEMORY_BYTES,
    (1 << 38) - 1,
    1 << 63,
    -1,
    -5,
    1 << 56,
)


def random_value(draw: random.Random) -> int:
    return draw.choice(
        (
            draw.getrandbits(64), draw.getrandbits(12), DATA + draw.randrange(1 << 16), CODE + draw.randrange(1 << 13),
            draw.choice(DEVICES) + draw.choice((0, 0, 1, 4)), draw.choice(EDGES), 1 << draw.randrange(64),
            draw.choice((0, 8, 9, 10, 7, 15)) << 60 | TABLES >> 12,
        )
    )  # fmt: skip


def random_instruction(draw: random.Random) -> bytes:
    kind = draw.randrange(20)
    if kind == 0:
        return draw.randbytes(4)
    if kind < 5:
        return draw.randbytes(2)
    if kind < 7:
        number = draw.choice((*REGISTERS, *PMP_REGISTERS, draw.getrandbits(12)))
        function = draw.choice((1, 2, 3, 5, 6, 7))
        return struct.pack("<I", i_type(0x73, function, draw.randrange(32), draw.randrange(32), number))
    if kind < 8:
        words = (
            MRET,
            assembler.SRET,
            assembler.WFI,
            assembler.SFENCE_VMA,
            assembler.FENCE_I,
            assembler.ECALL,
            assembler.EBREAK,
        )
        return struct.pack("<I", draw.choice(words))
    return struct.pack("<I", draw.getrandbits(32) & ~0x7F | draw.choice(OPCODES))


def random_tables(draw: random.Random) -> bytes:
    def entry() -> int:
        target = draw.choice(
            (TABLES >> 12, (RAM >> 12) + draw.randrange(1024), 0x10000, 0x2000, draw.getrandbits(44))
        )
        return target << 10 | draw.choice((0xCF, 0xDF, 0x01, 0x07, 0x0F, 0xD7, draw.getrandbits(10)))

    tables = [entry() for _ in range(1536)]
    if draw.random() < 0.8:
        tables[:512] = [0] * 512
        tables[0] = 0xCF | (draw.getrandbits(1) << 4)
        tables[2] = (RAM >> 12) << 10 | 0xCF | draw.getrandbits(1) << 4
        if draw.random() < 0.5:
            tables[2] = (TABLES + 0x1000 >> 12) << 10 | 1
            tables[512] = (TABLES + 0x2000 >> 12) << 10 | 1
            for page in range(512):
                if draw.random() < 0.7:
                    tables[1024 + page] = (RAM >> 12) + page << 10 | 0xCF | draw.getrandbits(1) << 4
    return struct.pack("<1536Q", *tables)


def hostile_program(seed: int) -> bytes:
    """A raw image for RAM; the same for the same seed."""
    draw = random.Random(seed)
    asm = Assembler()
    asm.constant(BASE, DATA)
    skips = draw.random() < 0.7
    asm.address(5, "handler") if skips else asm.constant(5, random_value(draw))
    asm.emit(csr(1, 0, "mtvec", 5))
    asm.constant(RECOVER, CODE + 2 * draw.randrange(2048))
    if draw.random() < 0.8:
        asm.constant(5, (1 << 54) - 1)
        asm.emit(csr(1, 0, "pmpaddr0", 5), addi(5, 0, 0x1F), csr(1, 0, "pmpcfg0", 5))
    for _ in range(draw.randrange(8)):
        asm.constant(5, random_value(draw))
        asm.emit(csr(draw.choice((1, 2)), 0, draw.choice((*REGISTERS, *PMP_REGISTERS)), 5))
    asm.constant(5, draw.choice((8, 8, 9, 0)) << 60 | TABLES >> 12)
    asm.emit(csr(1, 0, "satp", 5))
    asm.constant(5, draw.choice((0, 0x800, 0x1000, 0x1800)) | 0x6000 | draw.getrandbits(23) & 0x7E00AA)
    asm.emit(csr(1, 0, "mstatus", 5))
    asm.constant(5, CODE + 2 * draw.randrange(2000))
    asm.emit(csr(1, 0, "mepc", 5))
    for register in range(1, 32):
        if register not in (RECOVER, BASE):
            asm.constant(register, random_value(draw))
    asm.emit(MRET)
    asm.align(4)
    asm.label("handler")  # on to the next instruction, or to RECOVER where it can't be read
    asm.emit(csr(2, T3, "mepc", 0), addi(T3, T3, 4), csr(1, 0, "mepc", T3), csr(2, T3, "mcause", 0))
    asm.branch(4, T3, 0, "interrupt")
    asm.emit(i_type(0x13, 7, T3, T3, 13), addi(T3, T3, -1))
    asm.branch(0, T3, 0, "recover")
    asm.emit(addi(T3, T3, -11))
    asm.branch(0, T3, 0, "recover")
    asm.emit(MRET)
    asm.label("recover")
    asm.emit(i_type(0x13, 1, T3, RECOVER, 2), assembler.add(T3, T3, RECOVER), addi(T3, T3, 46))
    asm.emit(i_type(0x13, 1, T3, T3, 50), i_type(0x13, 5, T3, T3, 50), i_type(0x13, 7, T3, T3, -2))
    asm.constant(RECOVER, CODE)
    asm.emit(assembler.add(RECOVER, RECOVER, T3), csr(1, 0, "mepc", RECOVER), MRET)
    asm.label("interrupt")
    asm.emit(csr(5, 0, "mie", 0), s_type(0x23, 3, BASE, T3, 0), MRET)
    image = bytearray(asm.image())
    assert len(image) <= CODE - RAM
    image = image.ljust(CODE - RAM, b"\0")
    while len(image) < 0x6000:
        image += random_instruction(draw)
    image = image.ljust(DATA - RAM, b"\0") + draw.randbytes(1 << 16)
    return bytes(image.ljust(TABLES - RAM, b"\0") + random_tables(draw))


def machine_of(seed: int) -> Machine:
    draw = random.Random(seed)
    machine = Machine(programs.machine_config(hostile_program(seed), harts=draw.choice((1, 1, 1, 2))))
    machine.board["quiet_positions"] = machine.board["quiet_at"] = draw.choice((300, 5000))
    machine.board["turn_positions"] = machine.board["turn_end"] = draw.choice((100, 2000))
    return machine


def run_guest(seed: int) -> None:
    """Run it twice, the second time moving to a new machine at quiet points. AssertionError if the ends differ."""
    straight = programs.run_on(machine_of(seed), limit=LIMIT)
    machine, draw, console, stop = machine_of(seed), random.Random(seed), b"", None
    for _ in range(6):
        stop = machine.run(limit=draw.randrange(LIMIT), stop_when_quiet=True)
        console += machine.drain_console()
        if stop is Stop.QUIET:
            snapshot = machine.snapshot()
            machine = Machine(machine.config, boot=False)
            machine.restore(snapshot)
        if stop in (Stop.FINISHED, Stop.IDLE):
            break
    relayed = programs.run_on(machine, limit=LIMIT, console=console)
    assert relayed == straight, straight.differences(relayed)


if __name__ == "__main__":
    begin, count = int(sys.argv[1]), int(sys.argv[2])
    for guest in range(begin, begin + count):
        print(guest, flush=True)
        run_guest(guest)
