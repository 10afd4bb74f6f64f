"""QEMU, where it is installed, as the independent witness: it runs the same guests and counts the same."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import assembler
import programs
import pytest
import random_programs

from lockstep.machine.machine import Machine

QEMU = shutil.which("qemu-system-riscv64")
pytestmark = pytest.mark.skipif(QEMU is None, reason="qemu-system-riscv64 is not installed")

SYNCHRONOUS = random_programs.Kinds(
    interrupts=False,
    paging=False,
    devices=False,
    clocks=False,
    floating_point=False,
    wait=False,
    portable=True,
)
GUESTS = Path(__file__).resolve().parent.parent.parent / "guests"


def run_qemu(*arguments: str) -> bytes:
    """The console of a QEMU run."""
    assert QEMU is not None
    fixed = ("-machine", "virt", "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot")
    process = subprocess.run(
        [QEMU, *fixed, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False
    )
    assert process.returncode == 0, process.stderr.decode()
    return process.stdout


def executed(log: Path) -> list[int]:
    """Program counters of all instructions that QEMU started in RAM, those that trapped included."""
    with log.open() as lines:
        counters = [int(line.split("/")[1], 16) for line in lines if line.startswith("Trace")]
    return [counter for counter in counters if counter >= assembler.RAM]


@pytest.mark.parametrize("seed", range(8))
def test_random_program(seed: int, tmp_path: Path) -> None:
    """Its console holds a hash of its registers and traps; all its traps are of instructions that were started."""
    image, log = tmp_path / "image", tmp_path / "log"
    image.write_bytes(random_programs.random_program(seed, SYNCHRONOUS))
    machine = Machine(programs.machine_config(image.read_bytes()))
    end = programs.run_on(machine)
    assert end.stop == "FINISHED", f"seed {seed}"
    console = run_qemu("-bios", str(image), "-singlestep", "-d", "exec,nochain", "-D", str(log))
    started = executed(log)
    assert console == end.console, f"seed {seed}: consoles differ"
    traps = int(machine.board["traps"])
    # QEMU stops at the store to the finisher; here the wfi that follows it in its block runs too.
    assert end.icount + traps == len(started) + 1, (
        f"seed {seed}: {end.icount} retired, {traps} traps, QEMU {len(started)}"
    )


@pytest.mark.parametrize("seed", range(2))
def test_every_program_counter(seed: int, tmp_path: Path) -> None:
    """Stepped one instruction at a time, the machine is where QEMU is."""
    image, log = tmp_path / "image", tmp_path / "log"
    image.write_bytes(random_programs.random_program(seed, SYNCHRONOUS))
    machine = Machine(programs.machine_config(image.read_bytes()))
    run_qemu("-bios", str(image), "-singlestep", "-d", "exec,nochain", "-D", str(log))
    started = executed(log)
    for step, expected in enumerate(started):
        assert machine.pc == expected, f"seed {seed}, step {step}: {machine.pc:#x}, QEMU {expected:#x}"
        traps = int(machine.board["traps"])
        machine.run(exact_icount=machine.icount + 1, limit=machine.position + 1)
        if int(machine.board["traps"]) == traps:
            assert machine.position == step + 1, f"seed {seed}, step {step}"


@pytest.mark.parametrize(("name", "append"), [("hello", ""), ("compute", "rounds=1"), ("paging", "")])
def test_console(name: str, append: str) -> None:
    end = programs.run_on(Machine(programs.bundled(name, append)), limit=1 << 40)
    assert qemu_guest(name, append) == end.console


def test_selftest() -> None:
    """QEMU passes it only where counters and priorities are checked loosely; lockstep as it stands."""
    end = programs.run_on(Machine(programs.bundled("selftest")), limit=1 << 40)
    assert end.console.endswith(b"ALL TESTS PASSED\n")
    assert qemu_guest("selftest", "counters=loose priority=loose").endswith(b"ALL TESTS PASSED\n")


def qemu_guest(name: str, append: str) -> bytes:
    return run_qemu("-m", "32M", "-bios", "none", "-kernel", str(GUESTS / f"{name}.elf"), "-append", append)
