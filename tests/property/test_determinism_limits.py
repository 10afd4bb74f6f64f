"""What docs/determinism.md lists as not closed doesn't reach a pair: a clone runs on as its original."""

from __future__ import annotations

import random

import assembler
import programs
import pytest
import random_programs
from assembler import RAM, Assembler, addi, i_type, s_type

from lockstep.machine.machine import Machine, Stop

QUIET_POSITIONS = 13


def quiet_machine(config: programs.MachineConfig, quiet_positions: int) -> Machine:
    machine = Machine(config)
    machine.board["quiet_positions"] = machine.board["quiet_at"] = quiet_positions
    return machine


def relayed(config: programs.MachineConfig, quiet_positions: int, draw: random.Random) -> programs.End:
    """A run whose machine is replaced by its clone at about every other quiet point."""
    machine, console = quiet_machine(config, quiet_positions), b""
    while machine.run(stop_when_quiet=True, limit=programs.LIMIT) is Stop.QUIET:
        console += machine.drain_console()
        if draw.random() < 0.5:
            snapshot = machine.snapshot()
            machine = Machine(config, boot=False)
            machine.restore(snapshot)
        machine.run(limit=machine.position + 1)
    return programs.run_on(machine, console=console)


def power_off(asm: Assembler) -> None:
    asm.constant(5, 0x10_0000)
    asm.constant(6, assembler.POWER_OFF)
    asm.emit(s_type(0x23, 2, 5, 6, 0))


def block_that_patches_itself(fence: bool) -> bytes:
    """A loop of one block: each time it runs, it first overwrites an instruction a little further on in itself."""
    asm = Assembler()
    asm.address(7, "patched")
    asm.constant(8, addi(10, 10, 1))
    asm.constant(9, addi(10, 10, 64) ^ addi(10, 10, 1))
    asm.emit(addi(11, 0, 100), addi(10, 0, 0))
    asm.label("loop")
    asm.emit(s_type(0x23, 2, 7, 8, 0))
    asm.emit(assembler.NOP, assembler.NOP)
    asm.label("patched")
    asm.emit(addi(10, 10, 1))
    asm.emit(assembler.r_type(0x33, 4, 0, 8, 8, 9), i_type(0x13, 1, 10, 10, 1), addi(11, 11, -1))
    if fence:
        asm.emit(assembler.FENCE_I)
    asm.branch(1, 11, 0, "loop")
    power_off(asm)
    asm.label("stop")
    asm.jump("stop")
    return asm.image()


@pytest.mark.parametrize("fence", [False, True])
def test_code_that_modifies_its_own_block(fence: bool) -> None:
    config = programs.machine_config(block_that_patches_itself(fence))
    straight = programs.run_on(quiet_machine(config, QUIET_POSITIONS))
    assert straight.stop == "FINISHED"
    for seed in range(6):
        found = relayed(config, QUIET_POSITIONS, random.Random(seed))
        assert found == straight, f"seed {seed}: {straight.differences(found)}"


def test_block_that_goes_on_after_the_finisher() -> None:
    """Wherever it is looked at, cloned or cut: the last instruction counted is the block's last."""
    asm = Assembler()
    asm.constant(11, 30)
    asm.label("loop")
    asm.emit(addi(11, 11, -1))
    asm.branch(1, 11, 0, "loop")
    power_off(asm)
    asm.emit(*(addi(10, 10, number) for number in range(20)))
    asm.label("stop")
    asm.jump("stop")
    config = programs.machine_config(asm.image())
    straight = programs.run_on(quiet_machine(config, QUIET_POSITIONS))
    assert straight.stop == "FINISHED"
    for seed in range(10):
        found = relayed(config, QUIET_POSITIONS, random.Random(seed))
        assert found == straight, f"seed {seed}: {straight.differences(found)}"
    for icount in range(straight.icount + 1):
        cut = programs.run_on(quiet_machine(config, QUIET_POSITIONS), exact_stops=[icount])
        assert cut == straight, f"cut at {icount}: {straight.differences(cut)}"


def protected(seed: int) -> programs.MachineConfig:
    return programs.machine_config(
        random_programs.random_program(seed, random_programs.Kinds(protection=True))
    )


def test_pages_that_protection_covers_in_part() -> None:
    """PMP entries over a few bytes of code and data come and go; U-mode runs into them."""
    for seed in range(7000, 7030):
        config, draw = protected(seed), random.Random(seed)
        quiet_positions = draw.choice((97, 333, 1000))
        straight = programs.run_on(quiet_machine(config, quiet_positions))
        found = relayed(config, quiet_positions, draw)
        assert found == straight, f"seed {seed}: {straight.differences(found)}"


def test_partial_protection_is_run_into() -> None:
    """The programs above do fault on fetches from their own code."""
    faults = 0
    for seed in range(7000, 7010):
        machine = Machine(protected(seed))
        registers = machine.wires.engines[0].registers[0]
        for _ in range(3000):
            before = (int(registers["mepc"]), int(machine.board["traps"]))
            if machine.run(exact_icount=machine.icount + 1, limit=programs.LIMIT) is not Stop.EXACT:
                break
            is_new = int(machine.board["traps"]) != before[1]
            faults += (
                is_new
                and int(registers["mcause"]) == 1
                and RAM <= int(registers["mepc"]) < random_programs.DATA
            )
    assert faults > 10, faults
