"""A generator of random guests.

`random_program` draws a guest that does a bit of everything a guest may do, wrong things included: it loads, stores,
branches, traps, changes mode and page tables, patches its own code, reads clocks and takes interrupts. A handler in
M-mode hashes each trap (cause, pc, value, minstret) into a register, so that one wrong count anywhere changes the
end of the run. Every program ends: after a number of traps its handler powers off.
"""

from __future__ import annotations

import dataclasses
import random
import struct

from assembler import (
    C_EBREAK,
    EBREAK,
    ECALL,
    FENCE_I,
    MRET,
    POWER_OFF,
    RAM,
    SFENCE_VMA,
    T3,
    T4,
    T5,
    T6,
    WFI,
    Assembler,
    add,
    addi,
    auipc,
    csr,
    i_type,
    lui,
    r_type,
    s_type,
)
from programs import MEMORY_BYTES

DATA, DATA_PAGES = RAM + 0x4_0000, 16
TABLES = RAM + 0x10_0000

RECOVER = 9
"""Where the handler goes on after a fetch that failed."""
WANTED_MODE, LOOPS, BASE, TRAPS, HASH = 17, 24, 25, 26, 27
"""The handler's own, and T3 to T6."""
FREE = (5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23)
FREE_COMPRESSED = (10, 11, 12, 13, 14, 15)

ILLEGAL = (0x0000, 0xFFFFFFFF, 0xC0001073, 0x0000707F)
RESERVED = 0x8000
"""No instruction, and nothing that the specification says traps: libunicorn does nothing, newer QEMUs trap."""


@dataclasses.dataclass(frozen=True)
class Kinds:
    """What a random program may do; all of it by default."""

    interrupts: bool = True
    paging: bool = True
    devices: bool = True
    clocks: bool = True
    self_modifying: bool = True
    floating_point: bool = True
    wait: bool = True
    protection: bool = False
    """PMP entries that come and go, most of them over parts of pages with code and data."""
    portable: bool = False
    """Only what any RISC-V machine does alike; the console ends with the hash."""
    traps_max: int = 200
    pieces: int = 120
    harts: int = 1


def page_tables(draw: random.Random) -> bytes:
    """Sv39 at TABLES: the first GiB (devices) and 2 MiB of RAM, identity; data and a few code pages at random."""
    root, middle, leaves = [0] * 512, [0] * 512, [0] * 512
    everything = 0xCF  # V R W X A D
    root[0] = everything
    root[2] = (TABLES + 0x1000) >> 12 << 10 | 1
    middle[0] = (TABLES + 0x2000) >> 12 << 10 | 1
    user_code = draw.random() < 0.5
    for page in range(512):
        flags = everything | (0x10 if user_code and page < 64 else 0)
        if page < 64 and page > 0 and draw.random() < 0.08:
            flags = draw.choice((0, 0xC3, flags & ~0x40, flags & ~0x80))
        if 64 <= page < 64 + DATA_PAGES:
            flags = draw.choice((0, everything, 0x0F, 0x07, 0xC7, 0x43, 0x1F, 0xD7, 0x17, 0x01, 0x4B, 0x05))
        target = page
        if 64 <= page < 64 + DATA_PAGES and draw.random() < 0.3:
            target = draw.choice((64 + draw.randrange(DATA_PAGES), draw.randrange(1, 20)))
        leaves[page] = (RAM >> 12) + target << 10 | flags
    return struct.pack("<1536Q", *root, *middle, *leaves)


def leaf_address(page: int) -> int:
    """Where the leaf entry of page number `page` of RAM lies."""
    return TABLES + 0x2000 + 8 * page


class _Generator:
    def __init__(self, seed: int, kinds: Kinds) -> None:
        self.draw = random.Random(seed)
        self.kinds = kinds
        self.asm = Assembler()
        self.names = 0
        self.free_now = FREE

    def name(self) -> str:
        self.names += 1
        return f"label{self.names}"

    def register(self) -> int:
        return self.draw.choice(FREE)

    def handler(self) -> None:
        """In M-mode: hash what happened, then resume behind the instruction, at RECOVER, or in another mode."""
        asm = self.asm
        asm.align(4)
        asm.label("handler")
        asm.emit(
            csr(2, T3, "mcause", 0), csr(2, T4, "mepc", 0), csr(2, T5, "mtval", 0), csr(2, T6, "minstret", 0)
        )
        for register in (T3, T4) if self.kinds.portable else (T3, T4, T5, T6):
            asm.emit(i_type(0x13, 1, HASH, HASH, 5) if register == T3 else addi(HASH, HASH, 77))
            asm.emit(r_type(0x33, 4, 0, HASH, HASH, register), add(HASH, HASH, HASH))
            asm.emit(i_type(0x13, 4, HASH, HASH, 0x155))
        asm.emit(addi(TRAPS, TRAPS, 1), addi(T5, 0, self.kinds.traps_max))
        asm.branch(4, TRAPS, T5, "more")
        asm.label("finish")
        if self.kinds.portable:
            asm.constant(T5, 0x1000_0000)
            for shift in range(0, 64, 8):
                asm.emit(i_type(0x13, 5, T6, HASH, shift), s_type(0x23, 0, T5, T6, 0))
        asm.constant(T5, 0x10_0000)
        asm.constant(T6, POWER_OFF)
        asm.emit(lui(T3, 0x20), csr(3, 0, "mstatus", T3), s_type(0x23, 2, T5, T6, 0))
        asm.label("stop")
        asm.emit(WFI)
        asm.jump("stop")
        asm.label("more")
        asm.branch(4, T3, 0, "interrupt")
        asm.emit(addi(T5, T3, -8), addi(T6, 0, 4))
        asm.branch(6, T5, T6, "call")
        for cause in (1, 12):
            asm.emit(addi(T5, T3, -cause))
            asm.branch(0, T5, 0, "recover")
        asm.emit(lui(T5, 0x20), csr(3, 0, "mstatus", T5))  # MPRV off: the instruction is read as M-mode does
        asm.emit(i_type(0x03, 5, T5, T4, 0), i_type(0x13, 7, T5, T5, 3), addi(T5, T5, -3), addi(T4, T4, 2))
        asm.branch(1, T5, 0, "resume")
        asm.emit(addi(T4, T4, 2))
        asm.label("resume")
        asm.emit(csr(1, 0, "mepc", T4), MRET)
        asm.label("recover")
        asm.emit(csr(1, 0, "mepc", RECOVER), MRET)
        asm.label("call")
        asm.emit(
            addi(T4, T4, 4), csr(1, 0, "mepc", T4), lui(T5, 2), addi(T5, T5, -0x800), csr(3, 0, "mstatus", T5)
        )
        asm.emit(
            i_type(0x13, 7, T5, WANTED_MODE, 3), i_type(0x13, 1, T5, T5, 11), csr(2, 0, "mstatus", T5), MRET
        )
        asm.label("interrupt")
        asm.emit(csr(5, 0, "mip", 0))
        asm.constant(T5, 0x200_BFF8)
        asm.emit(lui(T4, 0x20), csr(3, 0, "mstatus", T4))
        asm.emit(i_type(0x03, 3, T6, T5, 0), i_type(0x13, 7, T4, HASH, 31), add(T6, T6, T4), addi(T6, T6, 1))
        asm.constant(T5, 0x200_4000)
        asm.emit(csr(2, T4, "mhartid", 0), i_type(0x13, 1, T4, T4, 3), add(T5, T5, T4))
        asm.emit(s_type(0x23, 3, T5, T6, 0))
        asm.constant(T5, 0x200_0000)
        asm.emit(i_type(0x13, 5, T4, T4, 1), add(T5, T5, T4), s_type(0x23, 2, T5, 0, 0), MRET)

    def prologue(self) -> None:
        asm, draw = self.asm, self.draw
        asm.address(T5, "handler")
        asm.emit(csr(1, 0, "mtvec", T5))
        asm.constant(BASE, DATA)
        asm.constant(HASH, draw.getrandbits(63))
        asm.constant(LOOPS, 0)
        asm.address(RECOVER, "finish_call")
        asm.constant(T5, (1 << 54) - 1)
        asm.emit(csr(1, 0, "pmpaddr7", T5), addi(T5, 0, 0x1F), i_type(0x13, 1, T5, T5, 56))
        asm.emit(csr(1, 0, "pmpcfg0", T5))
        asm.emit(addi(T5, 0, -1), csr(1, 0, "mcounteren", T5), csr(1, 0, "scounteren", T5))
        asm.constant(T5, 0x6000)
        asm.emit(csr(2, 0, "mstatus", T5))
        if self.kinds.interrupts:
            asm.constant(T5, 0x200_4000)
            asm.emit(csr(2, T4, "mhartid", 0), i_type(0x13, 1, T4, T4, 3), add(T5, T5, T4))
            asm.emit(addi(T6, 0, draw.randrange(1, 40)), s_type(0x23, 3, T5, T6, 0))
            asm.constant(T5, 0xAAA)
            asm.emit(csr(1, 0, "mie", T5), csr(6, 0, "mstatus", 8))
        if self.kinds.harts > 1:
            asm.emit(csr(2, T4, "mhartid", 0), i_type(0x13, 1, T4, T4, 4), add(LOOPS, LOOPS, T4))
        for register in FREE:
            asm.constant(register, draw.choice((draw.getrandbits(64), draw.randrange(-9, 9), 1 << 63, DATA)))

    def image(self) -> bytes:
        asm = self.asm
        self.prologue()
        asm.jump("body")
        self.handler()
        asm.label("body")
        for _ in range(self.kinds.pieces):
            self.piece()
        asm.label("finish_call")
        asm.emit(csr(2, 5, "fcsr", 0), add(HASH, HASH, 5))
        for register in FREE:
            asm.emit(
                r_type(0x33, 4, 0, HASH, HASH, register), i_type(0x13, 5, 5, HASH, 7), add(HASH, HASH, 5)
            )
        asm.constant(TRAPS, 1 << 20)
        asm.emit(EBREAK)
        asm.jump("finish_call")
        code = asm.image()
        assert len(code) < DATA - RAM, "the program has grown into its data"
        body = code.ljust(DATA - RAM, b"\0") + self.draw.randbytes(4096 * DATA_PAGES)
        return body.ljust(TABLES - RAM, b"\0") + page_tables(self.draw)

    def piece(self) -> None:
        kinds, draw = self.kinds, self.draw
        choices = [
            (30, self.arithmetic), (25, self.memory), (12, self.branch_forward), (6, self.loop), (8, self.read_counter),
            (5, self.atomic), (5, self.trap), (3, self.bad_jump), (5, self.change_mode), (1, self.straight_line),
            (4, self.misaligned), (6, self.scratch),
        ]  # fmt: skip
        if kinds.portable:
            unlike = (self.read_counter, self.bad_jump, self.misaligned, self.scratch)
            choices = [(weight, piece) for weight, piece in choices if piece not in unlike]
        if kinds.floating_point:
            choices.append((8, self.floating_point))
        if kinds.paging:
            choices += [(6, self.paging), (6, self.page_table_entry), (4, self.status)]
        if kinds.devices:
            choices.append((6, self.device))
        if kinds.protection:
            choices.append((12, self.protect))
        if kinds.self_modifying:
            choices.append((5, self.patch))
        if kinds.interrupts:
            choices.append((5, self.interrupt))
        if kinds.wait and kinds.interrupts:
            choices.append((2, self.wait))
        weights = [weight for weight, _ in choices]
        draw.choices([piece for _, piece in choices], weights)[0]()

    def arithmetic(self) -> None:
        for _ in range(self.draw.randrange(1, 12)):
            self.asm.emit(self.one_arithmetic())

    def one_arithmetic(self) -> int:
        draw = self.draw
        rd, rs1, rs2 = self.register(), self.register(), self.register()
        kind = draw.randrange(8)
        if kind == 0:
            return r_type(0x33, draw.randrange(8), 1, rd, rs1, rs2)
        if kind == 1:
            funct3 = draw.randrange(8)
            return r_type(0x33, funct3, 0x20 if funct3 in (0, 5) and draw.random() < 0.5 else 0, rd, rs1, rs2)
        if kind == 2:
            funct3 = draw.choice((0, 2, 3, 4, 6, 7))
            return i_type(0x13, funct3, rd, rs1, draw.getrandbits(12))
        if kind == 3:
            return draw.choice((lui, auipc))(rd, draw.getrandbits(20))
        if kind == 4:
            return r_type(0x3B, draw.choice((0, 4, 5, 6, 7)), 1, rd, rs1, rs2)
        compressed, other = draw.choice(FREE_COMPRESSED), draw.choice(FREE_COMPRESSED)
        if kind == 5:  # c.addi, c.li
            return draw.choice((0x0001, 0x4001)) | rd << 7 | draw.randrange(1, 32) << 2
        if kind == 6:  # c.mv, c.add
            return draw.choice((0x8002, 0x9002)) | rd << 7 | rs2 << 2
        # c.sub, c.xor, c.or, c.and, c.subw, c.addw
        return (
            draw.choice((0x8C01, 0x8C21, 0x8C41, 0x8C61, 0x9C01, 0x9C21))
            | compressed - 8 << 7
            | other - 8 << 2
        )

    def pointer(self) -> int:
        """A register that points at a random place of the data."""
        rd = self.register()
        if self.draw.random() < 0.3:
            self.asm.emit(addi(rd, BASE, self.draw.randrange(0, 2048, 8)))
        else:
            self.asm.emit(lui(rd, self.draw.randrange(DATA_PAGES)), add(rd, rd, BASE))
        return rd

    def memory(self) -> None:
        pointer, draw = self.pointer(), self.draw
        for _ in range(draw.randrange(1, 5)):
            width = draw.randrange(4)
            offset = draw.randrange(-2048, 2040) & -(1 << width)
            if draw.random() < 0.5:
                rd = draw.choice([r for r in FREE if r != pointer])
                self.asm.emit(
                    i_type(0x03, width | (4 if width < 3 and draw.random() < 0.3 else 0), rd, pointer, offset)
                )
            else:
                self.asm.emit(s_type(0x23, width, pointer, self.register(), offset))

    def misaligned(self) -> None:
        pointer, draw = self.pointer(), self.draw
        width = draw.choice((1, 2, 3))
        offset = draw.choice((-1, 1, 3, 7, -3, 5, draw.randrange(-2048, 2040)))
        rd = draw.choice([r for r in FREE if r != pointer])
        self.asm.emit(
            i_type(0x03, width, rd, pointer, offset)
            if draw.random() < 0.5
            else s_type(0x23, width, pointer, rd, offset)
        )

    def atomic(self) -> None:
        pointer, draw = self.pointer(), self.draw
        if draw.random() < 0.15 and not self.kinds.portable:
            self.asm.emit(addi(pointer, pointer, draw.choice((1, 2, 4))))
        others = [r for r in FREE if r != pointer]
        width = draw.choice((2, 3))
        if draw.random() < 0.5:
            self.asm.emit(r_type(0x2F, width, 0x08, draw.choice(others), pointer, 0))
            if draw.random() < 0.5:
                self.asm.emit(self.one_arithmetic())
            self.asm.emit(r_type(0x2F, width, 0x0C, draw.choice(others), pointer, draw.choice(others)))
        else:
            function = draw.choice((0x00, 0x04, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70))
            self.asm.emit(r_type(0x2F, width, function, draw.choice(others), pointer, draw.choice(others)))

    def branch_forward(self) -> None:
        target, draw = self.name(), self.draw
        if draw.random() < 0.2:
            self.asm.jump(target, draw.choice((0, 1)))
        else:
            self.asm.branch(draw.choice((0, 1, 4, 5, 6, 7)), self.register(), self.register(), target)
        self.arithmetic()
        self.asm.label(target)

    def loop(self) -> None:
        start, draw = self.name(), self.draw
        self.asm.emit(addi(LOOPS, 0, draw.randrange(1, 30)))
        self.asm.label(start)
        for _ in range(draw.randrange(1, 4)):
            pieces = [self.arithmetic, self.memory, self.atomic]
            draw.choice(pieces if self.kinds.portable else [*pieces, self.read_counter])()
        self.asm.emit(addi(LOOPS, LOOPS, -1))
        self.asm.branch(5, LOOPS, 0, start) if draw.random() < 0.2 else self.asm.branch(1, LOOPS, 0, start)

    def read_counter(self) -> None:
        names = ["minstret", "instret", "mcycle"]
        if self.kinds.clocks:
            names += ["time", "cycle"]
        self.asm.emit(csr(2, self.register(), self.draw.choice(names), 0))

    def scratch(self) -> None:
        names = (
            "mscratch",
            "sscratch",
            "mepc",
            "sepc",
            "mtval",
            "stval",
            "scause",
            "fcsr",
            "mie",
            "misa",
            "sstatus",
        )
        name = self.draw.choice(names)
        function = (
            self.draw.choice((2, 2, 1)) if name in ("mscratch", "sscratch", "stval", "scause", "fcsr") else 2
        )
        self.asm.emit(csr(function, self.register(), name, self.register() if function == 1 else 0))

    def floating_point(self) -> None:
        draw = self.draw
        for _ in range(draw.randrange(1, 6)):
            a, b, c = (draw.randrange(32) for _ in range(3))
            rounding = draw.choice((0, 1, 2, 3, 4, 7))
            self.asm.emit(
                draw.choice(
                    (
                        r_type(0x53, rounding, draw.choice((0, 1, 4, 5, 8, 9, 12, 13)), a, b, c),
                        r_type(0x53, draw.choice((0, 1)), draw.choice((0x14, 0x15)), a, b, c),
                        r_type(0x53, draw.choice((0, 1, 2)), 0x51, self.register(), b, c),
                        r_type(0x53, rounding, 0x69, a, self.register(), draw.randrange(4)),
                        r_type(0x53, rounding, 0x61, self.register(), b, draw.randrange(4)),
                        r_type(0x53, 0, 0x71, self.register(), b, 0),
                        r_type(0x43, rounding, c << 2 | 1, a, b, c),
                        i_type(0x07, 3, a, BASE, draw.randrange(0, 2040, 8)),
                        s_type(0x27, 3, BASE, a, draw.randrange(0, 2040, 8)),
                        csr(2, self.register(), "fflags", 0),
                        csr(5, 0, "frm", draw.randrange(8)),
                    )
                )
            )

    def trap(self) -> None:
        draw = self.draw
        kinds = [EBREAK, C_EBREAK, *ILLEGAL, csr(1, 0, 0x7C0, 5), csr(1, 0, "instret", 5)]
        self.asm.emit(draw.choice(kinds if self.kinds.portable else [*kinds, RESERVED]))

    def bad_jump(self) -> None:
        target, draw = self.name(), self.draw
        rd = self.register()
        self.asm.address(RECOVER, target)
        bad = draw.choice(
            (0, 2, 0x1000_0000, 0x0C00_0000, RAM + MEMORY_BYTES, -2, DATA, RAM + 0x9FFE, 1 << 62)
        )
        self.asm.constant(rd, bad if bad != DATA else DATA + 4096 * draw.randrange(DATA_PAGES) + 4094)
        self.asm.emit(i_type(0x67, 0, draw.choice((0, 1)), rd, draw.choice((0, 0, 1, 4, -4))))
        self.asm.label(target)
        self.asm.address(RECOVER, "finish_call")

    def change_mode(self) -> None:
        self.asm.emit(addi(WANTED_MODE, 0, self.draw.choice((0, 1, 1, 3, 3, 3))), ECALL)

    def straight_line(self) -> None:
        for _ in range(self.draw.choice((130, 260, 700))):
            self.asm.emit(self.one_arithmetic())

    def paging(self) -> None:
        asm, draw = self.asm, self.draw
        if draw.random() < 0.6:
            rd = self.register()
            asm.constant(rd, 8 << 60 | TABLES >> 12 | draw.randrange(2) << 44)
            asm.emit(csr(1, 0, "satp", rd))
        elif draw.random() < 0.3:
            asm.emit(csr(1, 0, "satp", 0))
        if draw.random() < 0.7:
            asm.emit(SFENCE_VMA)

    def page_table_entry(self) -> None:
        """Change a leaf: accessed and dirty bits, rights, target; often with no sfence.vma."""
        asm, draw = self.asm, self.draw
        rd, value = draw.sample(FREE, 2)
        page = draw.choice(
            (64 + draw.randrange(DATA_PAGES), 64 + draw.randrange(DATA_PAGES), draw.randrange(1, 16))
        )
        asm.constant(rd, leaf_address(page))
        kind = draw.randrange(3)
        if kind == 0:
            asm.emit(addi(value, 0, ~(draw.choice((0x40, 0x80, 0xC0)))), r_type(0x2F, 3, 0x60, 0, rd, value))
        elif kind == 1 and page >= 64:
            flags = draw.choice((0, 0xCF, 0x0F, 0x07, 0xC7, 0x1F, 0xDF))
            target = draw.choice((page, page, 64 + draw.randrange(DATA_PAGES), draw.randrange(1, 16)))
            asm.constant(value, (RAM >> 12) + target << 10 | flags)
            asm.emit(s_type(0x23, 3, rd, value, 0))
        else:
            asm.emit(i_type(0x03, 3, value, rd, 0), add(HASH, HASH, value))
        if draw.random() < 0.4:
            asm.emit(SFENCE_VMA)

    def status(self) -> None:
        draw, rd = self.draw, self.register()
        bits = draw.choice((1 << 17, 1 << 17, 1 << 18, 1 << 19, 1 << 11, 3 << 11, 1 << 20, 1 << 22, 1 << 21))
        self.asm.constant(rd, bits)
        self.asm.emit(csr(draw.choice((2, 3)), 0, draw.choice(("mstatus", "mstatus", "sstatus")), rd))
        if bits == 1 << 17:
            self.memory()

    def protect(self) -> None:
        """Put an entry over a few bytes of the code hereabouts or of the data, then go on in another mode."""
        asm, draw = self.asm, self.draw
        number, mode = draw.randrange(3), draw.choice((0, 1, 1))
        asm.emit(addi(WANTED_MODE, 0, 3), ECALL)
        place = asm.here + draw.randrange(0, 256) if draw.random() < 0.7 else DATA + draw.randrange(4096)
        # NA4, or NAPOT over 16 to 128 bytes, or more than a page.
        ones = draw.choice((0, 1, 3, 4, 10))
        asm.constant(5, (place >> 2) & -2 << ones | ((1 << ones) - 1) if ones else place >> 2)
        asm.emit(csr(1, 0, 0x3B0 + number, 5))
        rights = draw.choice((0, 1, 3, 3, 4, 5, 7, 0x80 | 7))
        config = (rights | draw.choice((0, 0x10, 0x18))) << 8 * number | 0x1F << 56
        asm.constant(5, config)
        asm.emit(csr(1, 0, "pmpcfg0", 5), addi(WANTED_MODE, 0, mode))
        target = self.name()
        asm.address(RECOVER, target)
        asm.emit(ECALL)
        self.loop()
        self.branch_forward()
        self.memory()
        asm.label(target)
        asm.address(RECOVER, "finish_call")

    def device(self) -> None:
        asm, draw = self.asm, self.draw
        pointer = self.register()
        others = [r for r in FREE if r != pointer]
        asm.constant(
            pointer,
            draw.choice(
                (0x1000_0000, 0x1000_0000, 0x200_BFF8, 0x200_BFF8, 0xC00_0000, 0x10_1000, 0xC20_0000)
            ),
        )
        for _ in range(draw.randrange(1, 4)):
            if draw.random() < 0.7:
                asm.emit(
                    i_type(
                        0x03,
                        draw.choice((0, 2, 3)),
                        draw.choice(others),
                        pointer,
                        draw.choice((0, 0, 0, 4, 5)),
                    )
                )
            else:
                asm.emit(
                    s_type(0x23, draw.choice((0, 2)), pointer, draw.choice(others), draw.choice((0, 1, 4, 7)))
                )
            if draw.random() < 0.5:
                asm.emit(self.one_arithmetic())

    def patch(self) -> None:
        """Overwrite an instruction further on, near or far, with or without fence.i."""
        asm, draw = self.asm, self.draw
        slot = self.name()
        rd, value = draw.sample(FREE, 2)
        asm.address(rd, slot)
        asm.constant(value, addi(self.register(), self.register(), draw.getrandbits(11)))
        asm.emit(s_type(0x23, 2, rd, value, 0))
        kind = draw.randrange(3)
        if kind == 0:
            asm.emit(FENCE_I)
        elif kind == 1:
            self.branch_forward()
        else:
            asm.jump(slot)
            self.arithmetic()
        asm.align(2)
        asm.label(slot)
        asm.emit(addi(self.register(), self.register(), 1), addi(self.register(), 0, 2))

    def interrupt(self) -> None:
        asm, draw = self.asm, self.draw
        kind = draw.randrange(6)
        rd, value = draw.sample(FREE, 2)
        if kind == 0:
            asm.emit(csr(draw.choice((6, 7)), 0, "mstatus", 8))
        elif kind == 1:
            asm.emit(csr(draw.choice((6, 7)), 0, draw.choice(("mip", "sip")), 2))
        elif kind == 2:
            asm.constant(rd, 0x200_0000 + 4 * draw.randrange(self.kinds.harts))
            asm.emit(addi(value, 0, 1), s_type(0x23, 2, rd, value, 0))
        elif kind == 3:
            asm.constant(rd, draw.choice((0x222, 0xAAA, 0x80, 0)))
            asm.emit(csr(draw.choice((1, 2)), 0, "mie", rd))
        else:
            asm.constant(rd, 0x200_4000 + 8 * draw.randrange(self.kinds.harts))
            asm.emit(
                csr(2, value, "time", 0),
                addi(value, value, draw.randrange(0, 12)),
                s_type(0x23, 3, rd, value, 0),
            )

    def wait(self) -> None:
        """Arm the timer, then wait for it."""
        asm, draw = self.asm, self.draw
        rd, value = draw.sample(FREE, 2)
        asm.constant(rd, 0x200_4000)
        asm.emit(
            csr(2, value, "time", 0), addi(value, value, draw.randrange(0, 60)), s_type(0x23, 3, rd, value, 0)
        )
        asm.emit(csr(6, 0, "mie", 0), addi(rd, 0, 0x80), csr(2, 0, "mie", rd), WFI)


def random_program(seed: int, kinds: Kinds | None = None) -> bytes:
    """A raw image for RAM; the same for the same arguments."""
    return _Generator(seed, kinds or Kinds()).image()
