"""Single steps of a script's machine, register by register beside QEMU's, by the remote protocol of gdb."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
from pathlib import Path

import pytest
from command import REPOSITORY
from pair_runs import wait_for

from lockstep import Machine

QEMU = "qemu-system-riscv64"
STEPS = 1500
REGISTERS = [f"x{number}" for number in range(1, 32)]


class Qemu:
    """A guest on QEMU, stopped, behind its gdb stub."""

    def __init__(self, guest: Path, socket_path: Path) -> None:
        stub = f"socket,path={socket_path},server=on,wait=off,id=gdb"
        options = f"-M virt -bios none -display none -serial null -S -chardev {stub} -gdb chardev:gdb"
        self._process = subprocess.Popen([QEMU, *options.split(), "-kernel", guest], stdin=subprocess.DEVNULL)
        self._socket = socket.socket(socket.AF_UNIX)
        wait_for(socket_path.exists)
        self._socket.settimeout(30)
        self._socket.connect(str(socket_path))
        self._stream = self._socket.makefile("rb")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._stream.close()
        self._socket.close()

    def ask(self, packet: str) -> bytes:
        body = packet.encode()
        self._socket.sendall(b"$" + body + b"#%02x" % (sum(body) & 255))
        while self._stream.read(1) != b"$":
            pass
        answer = bytearray()
        while (byte := self._stream.read(1)) != b"#":
            answer += byte
        self._stream.read(2)
        self._socket.sendall(b"+")
        return bytes(answer)

    def registers(self) -> dict[str, int]:
        words = struct.unpack("<33Q", bytes.fromhex(self.ask("g").decode())[: 33 * 8])
        return {**{f"x{number}": words[number] for number in range(1, 32)}, "pc": words[32]}

    def run_to(self, address: int) -> None:
        self.ask(f"Z1,{address:x},2")
        self.ask("c")
        self.ask(f"z1,{address:x},2")


@pytest.mark.parametrize("symbol", ["_start", "quicksort_phase", "double_matrix_phase", "crc32_phase"])
def test_the_same_steps(symbol: str, tmp_path: Path) -> None:
    """From there on, with the same in registers: what firmware leaves behind differs."""
    if shutil.which(QEMU) is None:
        pytest.skip(f"{QEMU} is not installed")
    guest = REPOSITORY / "guests/compute.elf"
    machine = Machine(guest)
    qemu = Qemu(guest, tmp_path / "gdb")
    try:
        address = machine.address_of(symbol)
        qemu.run_to(address)
        if machine.pc != address:
            assert machine.run_until(pc=address) == "breakpoint"
        theirs = qemu.registers()
        for register in REGISTERS:
            machine.reg_write(register, theirs[register])
        for step in range(STEPS):
            ours = {register: machine.reg_read(register) for register in (*REGISTERS, "pc")}
            theirs = qemu.registers()
            assert ours == theirs, f"{step} steps from {symbol}, at {machine.disassemble()[0]}"
            qemu.ask("s")
            machine.step()
    finally:
        qemu.close()
