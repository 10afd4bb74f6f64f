"""The schedule of the harts: everyone gets turns, a hart that waits costs none, equal runs end equal."""

from __future__ import annotations

import assembler
import programs
import pytest
import random_programs
from assembler import WFI, Assembler, addi, csr, i_type, s_type

from lockstep.machine.machine import Machine, Stop

SPINS = 60_000


def spinning(harts: int, waiting: int) -> bytes:
    """Harts from `waiting` on count to SPINS, tell hart 0, and wait; those below wait at once, but for hart 0."""
    asm = Assembler()
    asm.emit(csr(2, 5, "mhartid", 0))
    asm.constant(10, random_programs.DATA)
    asm.branch(0, 5, 0, "spin")
    asm.emit(addi(6, 0, waiting))
    asm.branch(4, 5, 6, "wait")
    asm.label("spin")
    asm.constant(7, SPINS)
    asm.label("again")
    asm.emit(addi(7, 7, -1))
    asm.branch(1, 7, 0, "again")
    asm.emit(addi(8, 0, 1), assembler.r_type(0x2F, 3, 0, 0, 10, 8))
    asm.branch(1, 5, 0, "wait")
    asm.label("all")
    asm.emit(i_type(0x03, 3, 9, 10, 0), addi(9, 9, -(1 + harts - max(waiting, 1))))
    asm.branch(1, 9, 0, "all")
    asm.constant(5, 0x10_0000)
    asm.constant(6, assembler.POWER_OFF)
    asm.emit(s_type(0x23, 2, 5, 6, 0))
    asm.label("wait")
    asm.emit(WFI)
    asm.jump("wait")
    return asm.image().ljust(random_programs.DATA - assembler.RAM + 4096, b"\0")


def test_every_hart_gets_its_turns() -> None:
    machine = Machine(programs.machine_config(spinning(8, 0), harts=8))
    machine.board["turn_positions"] = machine.board["turn_end"] = 1000
    while machine.run(limit=machine.position + 8 * 1100) is Stop.REACHED and machine.icount < 8 * 100_000:
        board = machine.board
        shares = [int(board["harts"][hart]["retired"]) for hart in range(8)]
        assert max(shares) - min(shares) <= 2 * 1100, f"at position {machine.position}: {shares}"
    assert machine.run(limit=1 << 30) is Stop.FINISHED


def test_a_waiting_hart_costs_nothing() -> None:
    alone = Machine(programs.machine_config(spinning(1, 0)))
    assert alone.run() is Stop.FINISHED
    among = Machine(programs.machine_config(spinning(8, 8), harts=8))
    assert among.run() is Stop.FINISHED
    assert int(among.board["switches"]) <= 8, "each hart had one turn to begin to wait, and none after that"
    assert among.icount - alone.icount < 8 * 12
    assert int(among.control["slow_blocks"]) < int(alone.control["slow_blocks"]) + 40


@pytest.mark.parametrize("harts", [1, 2, 3, 8])
def test_smp_guest_twice(harts: int) -> None:
    config = programs.bundled("smp", "scale=5", harts=harts)
    first, second = (programs.run_on(Machine(config), limit=1 << 40) for _ in range(2))
    assert first == second, first.differences(second)
    assert first.console.endswith(b"smp: %d harts, 0 failed\n" % harts), first.console.decode()
