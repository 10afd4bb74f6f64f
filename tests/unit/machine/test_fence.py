"""sfence.vma (privileged specification, section 4.2.1): what it takes out of a hart's translations, and what not."""

from __future__ import annotations

import assembler
import programs
from assembler import RAM, Assembler, addi, csr, i_type, s_type

from lockstep.machine.machine import Machine, Stop

MEMORY_BYTES = 8 << 20
ROOT, MIDDLE, LAST = RAM + 0x10_0000, RAM + 0x10_1000, RAM + 0x10_2000
SUPERPAGE, SMALL = 0x4000_0000, 0x4020_0000
PAGE = 0x1000
MRET = 0x3020_0073
MPP_S = 1 << 11
V_R_W_A_D = 0b1100_0111
V_R_W_X_A_D = 0b1100_1111
TABLE = 1
RESULTS = (18, 19, 20, 21, 22, 23)


def entry(address: int, bits: int) -> int:
    return address >> 12 << 10 | bits


def store_words(machine: Machine, words: dict[int, int]) -> None:
    for address, word in words.items():
        offset = address - RAM
        machine.wires.ram[offset : offset + 8] = list(word.to_bytes(8, "little"))


class Program(Assembler):
    """Loads through translations, and changes of them, in S-mode; code and devices are where they are physically."""

    def __init__(self) -> None:
        super().__init__()
        self.constant(5, 8 << 60 | ROOT >> 12)
        self.emit(csr(1, 0, "satp", 5))
        self.constant(5, -1)
        self.emit(
            csr(1, 0, "pmpaddr0", 5), addi(5, 0, 0x1F), csr(1, 0, "pmpcfg0", 5)
        )  # everything is allowed
        self.constant(5, MPP_S)
        self.emit(csr(2, 0, "mstatus", 5))
        self.address(5, "supervisor")
        self.emit(csr(1, 0, "mepc", 5), MRET)
        self.label("supervisor")
        self.results = iter(RESULTS)

    def translated_load(self, address: int) -> None:
        self.constant(6, address)
        self.emit(i_type(0x03, 3, next(self.results), 6, 0))

    def change(self, at: int, to: int) -> None:
        self.constant(6, at)
        self.constant(7, to)
        self.emit(s_type(0x23, 3, 6, 7, 0))

    def fence(self, address: int | None) -> None:
        if address is None:
            self.emit(0x12000073)
        else:
            self.constant(6, address)
            self.emit(0x12000073 | 6 << 15)

    def run(self, words: dict[int, int]) -> list[int]:
        self.constant(5, 0x10_0000)
        self.constant(6, assembler.POWER_OFF)
        self.emit(s_type(0x23, 2, 5, 6, 0))
        self.label("stop")
        self.jump("stop")
        machine = Machine(programs.machine_config(self.image(), memory_bytes=MEMORY_BYTES))
        store_words(machine, {ROOT: entry(0, V_R_W_A_D), ROOT + 16: entry(RAM, V_R_W_X_A_D), **words})
        assert machine.run(limit=100_000) is Stop.FINISHED
        return [int(machine.wires.engines[0].registers[0]["gpr"][number]) for number in RESULTS]


def test_an_address_takes_its_whole_superpage() -> None:
    before, after = RAM + 0x20_0000, RAM + 0x40_0000
    program = Program()
    program.translated_load(SUPERPAGE)
    program.translated_load(SUPERPAGE + 5 * PAGE)
    program.change(MIDDLE, entry(after, V_R_W_A_D))
    program.translated_load(SUPERPAGE + 5 * PAGE)
    program.fence(SUPERPAGE + 9 * PAGE)
    program.translated_load(SUPERPAGE)
    program.translated_load(SUPERPAGE + 5 * PAGE)
    results = program.run(
        {
            ROOT + 8: entry(MIDDLE, TABLE),
            MIDDLE: entry(before, V_R_W_A_D),
            before: 10,
            before + 5 * PAGE: 15,
            after: 20,
            after + 5 * PAGE: 25,
        }
    )
    assert results[:5] == [10, 15, 15, 20, 25]


def test_an_address_takes_one_small_page_and_no_other() -> None:
    pages = [RAM + 0x18_0000 + number * PAGE for number in range(4)]
    program = Program()
    program.translated_load(SMALL)
    program.translated_load(SMALL + PAGE)
    program.change(LAST, entry(pages[2], V_R_W_A_D))
    program.change(LAST + 8, entry(pages[3], V_R_W_A_D))
    program.fence(SMALL + 0x123)
    program.translated_load(SMALL)
    program.translated_load(SMALL + PAGE)
    program.fence(None)
    program.translated_load(SMALL + PAGE)
    results = program.run(
        {
            ROOT + 8: entry(MIDDLE, TABLE),
            MIDDLE + 8: entry(LAST, TABLE),
            LAST: entry(pages[0], V_R_W_A_D),
            LAST + 8: entry(pages[1], V_R_W_A_D),
            **{page: number for number, page in enumerate(pages)},
        }
    )
    assert results[:5] == [0, 1, 2, 1, 3], "the second page is stale until it is fenced"
