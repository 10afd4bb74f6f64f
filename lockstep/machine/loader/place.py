"""Where everything lies when the machine starts, as QEMU 7.2's riscv `virt` machine places it.

Without firmware the guest starts in machine mode: an ELF at its own addresses, a raw image at the start
of RAM. With firmware (`--bios`), that is at the start of RAM and the kernel behind it, on the next 2 MiB
boundary. The initrd follows the kernel at half of the memory or 128 MiB, whichever is less; the device tree
is near the end.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lockstep.errors import GuestError
from lockstep.machine.config import GuestSource, MachineConfig
from lockstep.machine.device_tree import device_tree
from lockstep.machine.devices.virtio.slots import slots_in_use
from lockstep.machine.loader.elf import is_elf, load_elf
from lockstep.machine.loader.firmware_info import FIRMWARE_INFO_BYTES, firmware_info
from lockstep.machine.loader.guest_file import GuestFile, open_guest_file, sha256_of
from lockstep.machine.loader.image import GZIP_MAGIC, check_fits, linux_header, load_image, unpack_gzip
from lockstep.machine.loader.layout import Area, Layout, arrange
from lockstep.machine.loader.program import Program, Segment
from lockstep.machine.memory_map import KERNEL_OFFSET, RAM_BASE
from lockstep.machine.quantities import KIB

TREE_GROWTH_BYTES = 16 * KIB
"""Kept free behind the device tree: firmware adds to it in place."""


@dataclass(frozen=True)
class BootPlan:
    """What lies in RAM, and how the harts start: at `entry` in machine mode, with a0 = hart id.

    a1 = `device_tree_address`; a2 = `firmware_info_address`, for OpenSBI's fw_dynamic.
    """

    segments: tuple[Segment, ...]
    """No two overlap and all are in RAM. All else in RAM is zero."""
    entry: int
    device_tree_address: int
    firmware_info_address: int
    """0 without firmware."""
    guest_name: str
    guest_sha256: str
    """Over the guest's files: firmware, kernel or guest, initrd, one after the other."""


def plan_boot(config: MachineConfig) -> BootPlan:
    """Read the guest's files and decide where everything goes. GuestError if it can't be run."""
    with ExitStack() as stack:

        def opened(source: GuestSource | None, role: str) -> GuestFile | None:
            return None if source is None else stack.enter_context(open_guest_file(source, role))

        bios = opened(config.bios, "firmware")
        payload = opened(config.payload, "guest" if config.kernel is None else "kernel")
        initrd = opened(config.initrd, "initrd")
        files = [file for file in (bios, payload, initrd) if file is not None]
        return _plan(config, bios, payload, initrd, sha256_of(files))


def write_boot(plan: BootPlan, ram: NDArray[np.uint8]) -> None:
    """Copy `plan` into `ram` (uint8, the whole RAM), which must be all zero, as fresh memory is."""
    for segment in plan.segments:
        start = segment.address - RAM_BASE
        ram[start : start + len(segment.data)] = np.frombuffer(segment.data, np.uint8)


def _plan(
    config: MachineConfig,
    bios: GuestFile | None,
    payload: GuestFile | None,
    initrd: GuestFile | None,
    sha256: str,
) -> BootPlan:
    programs: list[Program] = []
    if bios is not None:
        programs.append(_load(bios, RAM_BASE, config, is_firmware=True))
    if payload is not None:
        address = _next_kernel_address(programs[0].end) if programs else RAM_BASE
        programs.append(_load(payload, address, config))
    placed = [segment for program in programs for segment in program.segments]
    kernel = programs[-1]

    initrd_bytes = 0
    if initrd is not None:
        initrd_bytes = initrd.size_bytes
        check_fits(initrd.name, kernel.start, initrd_bytes, config.memory_bytes)  # before it is read
    tree_bytes = _aligned_8(len(_tree(config, range(initrd_bytes) if initrd else None))) + TREE_GROWTH_BYTES
    layout = arrange(
        [Area(segment.name, segment.address, segment.end) for segment in placed],
        kernel=Area("", kernel.start, kernel.end),
        initrd_name=initrd.name if initrd else "",
        initrd_bytes=initrd_bytes,
        tree_bytes=tree_bytes + FIRMWARE_INFO_BYTES,
        memory_bytes=config.memory_bytes,
    )
    if initrd is not None:
        placed.append(Segment(initrd.name, layout.initrd.start, initrd.read(0, initrd_bytes)))
    placed.append(
        Segment("device tree", layout.tree.start, _tree(config, _range(layout) if initrd else None))
    )
    info_address = 0
    if bios is not None:
        info_address = layout.tree.start + tree_bytes
        next_address = kernel.entry if payload is not None else 0
        placed.append(Segment("firmware information", info_address, firmware_info(next_address)))
    return BootPlan(
        segments=tuple(sorted(placed, key=lambda segment: segment.address)),
        entry=programs[0].entry,
        device_tree_address=layout.tree.start,
        firmware_info_address=info_address,
        guest_name=guest_name(config),
        guest_sha256=sha256,
    )


def _load(file: GuestFile, address: int, config: MachineConfig, *, is_firmware: bool = False) -> Program:
    """The program in `file`; a raw image goes to `address`."""
    packed = file.head(len(GZIP_MAGIC)) == GZIP_MAGIC
    if packed:
        file = unpack_gzip(file, RAM_BASE + config.memory_bytes - address)
    if is_elf(file):
        return load_elf(file, config.memory_bytes, may_relocate_itself=is_firmware)
    if packed and linux_header(file.head(64)) is None:
        raise GuestError(
            f"{file.name} is a gzip file with neither a Linux Image nor an ELF in it: unpack it first"
        )
    return load_image(file, address, config.memory_bytes)


def _next_kernel_address(firmware_end: int) -> int:
    return -(-firmware_end // KERNEL_OFFSET) * KERNEL_OFFSET


def _aligned_8(size_bytes: int) -> int:
    return -(-size_bytes // 8) * 8


def _range(layout: Layout) -> range:
    return range(layout.initrd.start, layout.initrd.end)


def _tree(config: MachineConfig, initrd: range | None) -> bytes:
    return device_tree(
        harts=config.harts,
        memory_bytes=config.memory_bytes,
        bootargs=config.append,
        initrd=initrd,
        virtio_slots=slots_in_use(config),
    )


def guest_name(config: MachineConfig) -> str:
    """What the guest is called in reports."""
    if config.guest_name:
        return config.guest_name
    source = config.payload if config.payload is not None else config.bios
    return "guest" if source is None or isinstance(source, bytes) else source.name
