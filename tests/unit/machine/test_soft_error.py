"""Soft errors: what can be asked for, what can't, and what a flip does to a running machine."""

from __future__ import annotations

import assembler
import programs
import pytest
from assembler import RAM, Assembler, addi, csr, i_type
from random_programs import DATA

from lockstep.errors import UsageError
from lockstep.machine.config import MachineConfig
from lockstep.machine.csr_values import CSR_BITS
from lockstep.machine.machine import Machine, Stop
from lockstep.machine.registers import ABI_NAMES, REGISTERS, find_register, register_values
from lockstep.machine.soft_error import SoftError, check_soft_error, flip, parse_soft_error

CONFIG = MachineConfig(guest=b"\x6f\x00\x00\x00", memory_bytes=1 << 20, harts=2, clock="virtual")
LOOP = 8
UNLIKE = ("mip", "medeleg", "mcycle", "minstret")
"""CSRs that don't read as they were written: hardwired in part, or counting on."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x7@10M:13", SoftError(icount=10_000_000, bit=13, register="x7")),
        ("T2@1.5g:63", SoftError(icount=1_500_000_000, bit=63, register="x7")),
        ("fp@5:0", SoftError(icount=5, bit=0, register="x8")),
        ("fa0@5:52", SoftError(icount=5, bit=52, register="f10")),
        ("pc@100:1", SoftError(icount=100, bit=1, register="pc")),
        ("hart1.mepc@3K:2", SoftError(icount=3000, bit=2, register="mepc", hart=1)),
        ("0x80000010@0:7", SoftError(icount=0, bit=7, address=0x8000_0010)),
        ("2147483664@1:63", SoftError(icount=1, bit=63, address=0x8000_0010)),
    ],
)
def test_what_can_be_asked_for(text: str, expected: SoftError) -> None:
    error = parse_soft_error(text)
    assert error == expected
    assert parse_soft_error(str(error)) == error
    check_soft_error(error, CONFIG)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x7", "is not REG@ICOUNT:BIT"),
        ("x7@5M", "is not REG@ICOUNT:BIT"),
        ("x7@5M:", "is not REG@ICOUNT:BIT"),
        ("x7@soon:3", "not a count of instructions"),
        ("x0@5M:3", "x0 is wired to zero"),
        ("zero@5M:3", "x0 is wired to zero"),
        ("x32@5M:3", "there is no register x32"),
        ("x7@5M:64", "x7 has no bit 64; it has 0 to 63"),
        ("pc@5M:0", "pc has no bit 0; it has 1 to 63"),
        ("fflags@5M:5", "fflags has no bit 5; it has 0 to 4"),
        ("mideleg@5M:2", "mideleg has no bit 2; it has 1, 5, 9"),
        ("hart1.0x80000000@5:1", "RAM belongs to no hart"),
        ("0x80000000@5:64", "there is no bit 64"),
        ("0x7fffffff@5:0", "outside RAM; give 0x80000000 to 0x800fffff"),
        ("0x800fffff@5:8", "outside RAM"),
        ("99999999999999999999@5:0", "outside RAM"),
        ("hart2.x7@5:0", "there is no hart 2; give 0 to 1"),
    ],
)
def test_what_makes_no_sense(text: str, why: str) -> None:
    with pytest.raises(UsageError) as raised:
        check_soft_error(parse_soft_error(text), CONFIG)
    assert why in str(raised.value)
    assert "\n" not in str(raised.value)


def test_every_register_has_one_name_and_registers_with_two_have_an_alias() -> None:
    assert len(REGISTERS) == 1 + 32 + 32 + len(CSR_BITS)
    assert len(ABI_NAMES) == 64
    assert all(find_register(abi) == REGISTERS[name] for name, abi in ABI_NAMES.items())


def finish(asm: Assembler) -> None:
    asm.constant(5, 0x10_0000)
    asm.constant(6, assembler.POWER_OFF)
    asm.emit(assembler.s_type(0x23, 2, 5, 6, 0))
    asm.label("end")
    asm.jump("end")


def built(asm: Assembler) -> Machine:
    return Machine(programs.machine_config(asm.image()))


@pytest.mark.parametrize("name", [name for name in CSR_BITS if name in assembler.CSR and name not in UNLIKE])
def test_values_are_what_the_guest_reads_and_writes(name: str) -> None:
    asm = Assembler()
    bits = CSR_BITS[name]
    # fcsr needs the floating-point unit on; a mode of satp that isn't implemented is refused.
    value = {"mstatus": 1 << 13, "satp": 8 << 60 | 0x1234}.get(name, 0x5555_5555_5555_5555) & bits
    asm.constant(10, 1 << 13)
    asm.emit(csr(2, 0, "mstatus", 10))
    asm.constant(10, value)
    asm.emit(csr(1, 0, name, 10), csr(2, 11, name, 0))
    finish(asm)
    machine = built(asm)
    assert machine.run(limit=1000) is Stop.FINISHED
    values = register_values(machine, 0)
    fixed = 1 << 63 | 2 << 34 | 2 << 32 if name == "mstatus" else 0
    assert values[name] & ~fixed == value
    assert values["x11"] & ~fixed == value, f"the guest reads {values['x11']:#x}"


@pytest.mark.parametrize("name", ["x7", "f9", "pc", "mstatus", "mie", "mip", "fflags", "mepc", "satp"])
def test_a_flip_changes_one_bit_of_one_register_and_twice_is_nothing(name: str) -> None:
    machine = Machine(CONFIG)
    before, digest = register_values(machine, 1), machine.digest()
    bit = next(bit for bit in range(1, 64) if REGISTERS[name].bits >> bit & 1)
    error = SoftError(icount=0, bit=bit, register=name, hart=1)
    flip(machine, error)
    after = register_values(machine, 1)
    assert {key for key in after if after[key] != before[key]} == {name}
    assert after[name] ^ before[name] == 1 << bit
    assert register_values(machine, 0) == {**before, "x10": 0}
    assert machine.digest() != digest
    flip(machine, error)
    assert machine.digest() == digest


def test_trap_and_wait_bits_of_mstatus_are_where_the_guest_sees_them() -> None:
    asm = Assembler()
    asm.emit(csr(2, 11, "mstatus", 0))
    finish(asm)
    machine = built(asm)
    flip(machine, SoftError(icount=0, bit=21, register="mstatus"))
    machine.run(limit=1000)
    assert register_values(machine, 0)["x11"] >> 21 & 7 == 1


@pytest.mark.parametrize("stop_at", range(1, 3 * LOOP))
def test_a_register_flips_in_the_middle_of_a_block(stop_at: int) -> None:
    """x12 counts what x20 (0) adds; the flip makes that 4 from the very next instruction on."""
    asm = Assembler()
    asm.emit(addi(12, 0, 0), addi(20, 0, 0))
    asm.label("loop")
    asm.emit(*[assembler.add(12, 12, 20)] * (LOOP - 1))
    asm.jump("loop")
    machine = built(asm)
    assert machine.run(exact_icount=2 + stop_at) is Stop.EXACT
    flip(machine, SoftError(icount=stop_at, bit=2, register="x20"))
    assert machine.run(exact_icount=2 + 4 * LOOP) is Stop.EXACT
    adds = sum(1 for instruction in range(stop_at, 4 * LOOP) if instruction % LOOP != LOOP - 1)
    assert register_values(machine, 0)["x12"] == 4 * adds


def test_a_flip_in_code_is_seen_by_the_next_fetch() -> None:
    """Bit 20 of an addi is bit 0 of its immediate: the loop's step becomes 3 instead of 2."""
    asm = Assembler()
    asm.label("loop")
    asm.emit(addi(10, 10, 2))
    asm.jump("loop")
    machine = built(asm)
    start = register_values(machine, 0)["x10"]
    machine.run(exact_icount=1000)
    assert register_values(machine, 0)["x10"] == start + 2 * 500
    flip(machine, SoftError(icount=1000, bit=20, address=RAM))
    machine.run(exact_icount=2000)
    assert register_values(machine, 0)["x10"] == start + 2 * 500 + 3 * 500


def test_a_flip_in_data_is_seen_by_the_next_load() -> None:
    asm = Assembler()
    asm.constant(11, DATA)
    asm.label("loop")
    asm.emit(i_type(0x03, 3, 10, 11, 0))
    asm.jump("loop")
    machine = built(asm)
    machine.run(exact_icount=1001)
    flip(machine, SoftError(icount=1000, bit=42, address=DATA))
    machine.run(exact_icount=1100)
    assert register_values(machine, 0)["x10"] == 1 << 42


def test_a_pc_that_flips_goes_on_elsewhere() -> None:
    asm = Assembler()
    asm.emit(*[addi(10, 0, 0)] * 16, *[addi(11, 11, 1)] * 16)
    finish(asm)
    machine = built(asm)
    machine.run(exact_icount=3)
    flip(machine, SoftError(icount=3, bit=6, register="pc"))
    assert register_values(machine, 0)["pc"] == RAM + 12 + 64
    before = register_values(machine, 0)["x11"]
    machine.run(exact_icount=3 + 13)
    assert register_values(machine, 0)["x11"] == before + 13


@pytest.mark.parametrize("name", ["mcycle", "minstret"])
def test_a_counter_counts_on_from_where_it_flipped(name: str) -> None:
    asm = Assembler()
    asm.emit(*[addi(0, 0, 0)] * 10, csr(2, 11, name, 0))
    finish(asm)
    machine = built(asm)
    machine.run(exact_icount=5)
    assert register_values(machine, 0)[name] == 5
    flip(machine, SoftError(icount=5, bit=20, register=name))
    assert register_values(machine, 0)[name] == 5 + (1 << 20)
    machine.run(exact_icount=11)
    assert register_values(machine, 0)["x11"] == 10 + (1 << 20)


PMP_ALL_OF_DATA = DATA >> 2 | 0x1FF
"""NAPOT, 4 KiB from DATA on."""
LOCKED_READ_ONLY, LOCKED_READ_WRITE = 0x80 | 0x18 | 1, 0x80 | 0x18 | 3


@pytest.mark.parametrize(
    ("error", "is_refused"),
    [
        (None, False),
        (SoftError(icount=1, bit=1, register="pmpcfg0"), True),  # W of a locked entry
        (SoftError(icount=1, bit=0, register="pmpcfg0"), False),  # R: the guest stores only
        (SoftError(icount=1, bit=20, register="pmpaddr0"), False),  # it covers other memory now
    ],
)
def test_a_flip_in_a_pmp_register_is_felt_by_the_next_store(
    error: SoftError | None, is_refused: bool
) -> None:
    asm = Assembler()
    asm.address(13, "handler")
    asm.constant(10, PMP_ALL_OF_DATA)
    asm.constant(11, LOCKED_READ_WRITE)
    asm.constant(12, DATA)
    asm.emit(csr(1, 0, "mtvec", 13), csr(1, 0, "pmpaddr0", 10), csr(1, 0, "pmpcfg0", 11))
    asm.emit(assembler.s_type(0x23, 3, 12, 12, 0), addi(14, 0, 1))
    asm.emit(*[assembler.s_type(0x23, 3, 12, 12, 8)] * 4)
    asm.align(4)
    asm.label("handler")
    asm.jump("handler")
    machine = built(asm)
    for icount in range(100):
        machine.run(exact_icount=icount)
        if register_values(machine, 0)["x14"] == 1:
            break
    assert register_values(machine, 0)["pmpcfg0"] == LOCKED_READ_WRITE
    assert register_values(machine, 0)["pmpaddr0"] == PMP_ALL_OF_DATA
    if error is not None:
        before = register_values(machine, 0)
        flip(machine, error)
        after = register_values(machine, 0)
        assert {name for name in after if after[name] != before[name]} == {error.register}
    machine.run(limit=machine.position + 3)
    assert (register_values(machine, 0)["mcause"] == 7) is is_refused
