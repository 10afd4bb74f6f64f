"""A script that stops, looks, and keeps machines on its way changes nothing of what the guest comes to."""

from __future__ import annotations

import random

import assembler
import programs
import pytest
import random_programs

from lockstep import Machine

LOOKS_MAX = 30


def end_of(machine: Machine) -> tuple[str, int, str, bytes]:
    stop = machine.run(max_icount=programs.LIMIT)
    return (str(stop), machine.icount, machine.digest(), machine.console)


def look(machine: Machine, draw: random.Random) -> Machine:
    """Do something that has no effect; the machine to go on with, and where it is."""
    match draw.randrange(6):
        case 0:
            machine.registers()
            machine.digest()
        case 1:
            machine.translate(machine.pc)
            machine.disassemble(count=5)
        case 2:
            return machine.copy()
        case 3:
            kept = machine.snapshot()
            machine.step(draw.randrange(1, 50))
            machine.restore(kept)
        case 4:
            machine.reg_write("a0", machine.reg_read("a0"))
        case 5:
            machine.mem_write(assembler.RAM, machine.mem_read(assembler.RAM, 64))
    return machine


@pytest.mark.parametrize("harts", [1, 2])
def test_random_programs(harts: int) -> None:
    for seed in range(8000 * harts, 8000 * harts + 12):
        image = random_programs.random_program(seed, random_programs.Kinds(harts=harts))

        def build(image: bytes = image) -> Machine:
            return Machine(image, memory=programs.MEMORY_BYTES, harts=harts)

        straight = end_of(build())
        draw = random.Random(seed)
        machine, pcs = build(), set()
        for _ in range(LOOKS_MAX):
            how, far = draw.randrange(3), draw.randrange(1, 400)
            if how == 0:
                machine.step(min(far, 20))
            elif how == 1:
                machine.run_until(icount=machine.icount + far, pc=draw.sample(sorted(pcs), min(3, len(pcs))))
            else:
                machine.run_until(icount=machine.icount + far, console=b"\n")
            pcs.add(machine.pc)
            machine = look(machine, draw)
        assert end_of(machine) == straight, f"seed {seed}"


def test_stepping_stands_where_running_does() -> None:
    """The same registers, devices and memory at an icount, however it was come to."""
    for seed in range(9000, 9006):
        image = random_programs.random_program(seed, random_programs.Kinds(pieces=60, traps_max=40))
        stepped, ran = (Machine(image, memory=programs.MEMORY_BYTES) for _ in range(2))
        draw = random.Random(seed)
        for _ in range(12):
            far = draw.randrange(1, 60)
            for _ in range(far):
                stepped.step()
            ran.run_until(icount=stepped.icount)
            assert not ran.diff(stepped), f"seed {seed}, icount {ran.icount}: {ran.diff(stepped)}"
