"""The peer Unicorn: a guest on an engine with default settings and no hook. Prints the time in emu_start as JSON.

    python -m bench.plain_unicorn GUEST.elf BOOTARGS

RAM holds what lockstep's would. The UART and the test finisher are the least that a bundled guest needs; there
are no interrupts and no clock.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from unicorn import UC_ARCH_RISCV, UC_MODE_RISCV64, Uc
from unicorn.riscv_const import UC_RISCV_REG_A0, UC_RISCV_REG_A1

from bench.guests import COMPUTE_MEMORY_BYTES
from lockstep.machine.config import MachineConfig
from lockstep.machine.loader.place import plan_boot
from lockstep.machine.memory_map import FINISHER_BASE, RAM_BASE, UART_BASE

PAGE_BYTES = 4096
LSR = 5
LSR_EMPTY = 0x60
POWER_OFF = 0x5555


def run(guest: Path, append: str) -> dict[str, float | str]:
    """Run to power-off; seconds in emu_start, and the console. RuntimeError if the guest ends otherwise."""
    plan = plan_boot(MachineConfig(memory_bytes=COMPUTE_MEMORY_BYTES, guest=guest, append=append))
    engine = Uc(UC_ARCH_RISCV, UC_MODE_RISCV64)
    engine.mem_map(RAM_BASE, COMPUTE_MEMORY_BYTES)
    for segment in plan.segments:
        engine.mem_write(segment.address, segment.data)
    console = bytearray()
    finished: list[int] = []

    def read_uart(engine: Uc, offset: int, size: int, data: object) -> int:
        return LSR_EMPTY if offset == LSR else 0

    def write_uart(engine: Uc, offset: int, size: int, value: int, data: object) -> None:
        if offset == 0:
            console.append(value & 0xFF)

    def read_finisher(engine: Uc, offset: int, size: int, data: object) -> int:
        return 0

    def write_finisher(engine: Uc, offset: int, size: int, value: int, data: object) -> None:
        finished.append(value)
        engine.emu_stop()

    engine.mmio_map(UART_BASE, PAGE_BYTES, read_uart, None, write_uart, None)
    engine.mmio_map(FINISHER_BASE, PAGE_BYTES, read_finisher, None, write_finisher, None)
    engine.reg_write(UC_RISCV_REG_A0, 0)
    engine.reg_write(UC_RISCV_REG_A1, plan.device_tree_address)
    started_s = time.perf_counter()
    engine.emu_start(plan.entry, 0)
    seconds = time.perf_counter() - started_s
    if finished != [POWER_OFF]:
        raise RuntimeError(f"the guest did not power off: {finished}, console {bytes(console[-200:])!r}")
    return {"seconds": seconds, "console": console.decode()}


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), sys.argv[2])))
