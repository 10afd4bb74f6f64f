"""Where everything lies. Addresses were read off QEMU 7.2 (`info roms`) for the same sizes."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from elf_builder import ET_DYN, RAM, Elf, Load

from lockstep.errors import GuestError
from lockstep.machine.config import MachineConfig
from lockstep.machine.loader.place import BootPlan, plan_boot, write_boot

MIB = 1 << 20
FIRMWARE, KERNEL, INITRD = bytes(300_000), b"\x13\0\0\0" * 1024, b"initrd" * 1000


def places(plan: BootPlan) -> dict[str, int]:
    return {segment.name: segment.address for segment in plan.segments}


def test_a_raw_guest_starts_at_the_start_of_ram() -> None:
    plan = plan_boot(MachineConfig(guest=KERNEL))
    assert places(plan) == {"guest": RAM, "device tree": 0x87E0_0000}
    assert (plan.entry, plan.device_tree_address, plan.firmware_info_address) == (RAM, 0x87E0_0000, 0)


def test_an_elf_guest_starts_at_its_entry() -> None:
    plan = plan_boot(MachineConfig(guest=Elf((Load(RAM + 0x4000),), entry=RAM + 0x4002).build()))
    assert places(plan)["guest"] == RAM + 0x4000
    assert plan.entry == RAM + 0x4002


@pytest.mark.parametrize(
    ("memory_mib", "with_firmware", "initrd", "tree"),
    [
        (16, False, 0x8080_0000, 0x80E0_0000),
        (16, True, 0x80A0_0000, 0x80E0_0000),
        (64, False, 0x8200_0000, 0x83E0_0000),
        (100, False, 0x8320_0000, 0x8620_0000),
        (128, True, 0x8420_0000, 0x87E0_0000),
        (256, False, 0x8800_0000, 0x8FE0_0000),
        (256, True, 0x8820_0000, 0x8FE0_0000),
        (1024, True, 0x8820_0000, 0xBFE0_0000),
        (3072, True, 0x8820_0000, 0xBFE0_0000),
    ],
)
def test_initrd_and_device_tree_lie_where_qemu_puts_them(
    memory_mib: int, with_firmware: bool, initrd: int, tree: int
) -> None:
    plan = plan_boot(
        MachineConfig(
            memory_bytes=memory_mib * MIB,
            bios=FIRMWARE if with_firmware else None,
            kernel=KERNEL,
            initrd=INITRD,
        )
    )
    assert places(plan)["kernel"] == (RAM + 2 * MIB if with_firmware else RAM)
    assert places(plan)["initrd"] == initrd
    assert plan.device_tree_address == tree
    assert plan.entry == RAM


def test_a_large_firmware_moves_the_kernel_to_the_next_boundary() -> None:
    plan = plan_boot(MachineConfig(bios=bytes(2 * MIB + 1), kernel=KERNEL))
    assert places(plan)["kernel"] == RAM + 4 * MIB


def test_a_guest_on_firmware_is_its_kernel() -> None:
    on_firmware = plan_boot(MachineConfig(bios=FIRMWARE, guest=KERNEL))
    assert places(on_firmware)["guest"] == RAM + 2 * MIB
    assert on_firmware.entry == RAM


def test_firmware_alone() -> None:
    plan = plan_boot(MachineConfig(bios=Elf(kind=ET_DYN).build()))
    assert plan.entry == RAM
    assert plan.guest_name == "guest"


def test_firmware_learns_where_to_go_on() -> None:
    kernel = Elf((Load(RAM + 4 * MIB),), entry=RAM + 4 * MIB + 2).build()
    plan = plan_boot(MachineConfig(bios=FIRMWARE, kernel=kernel))
    info = next(segment for segment in plan.segments if segment.address == plan.firmware_info_address)
    # fw_dynamic.h: magic, version, next address, next mode (1: supervisor), options, boot hart.
    assert struct.unpack("<6Q", info.data) == (0x4942534F, 2, RAM + 4 * MIB + 2, 1, 0, 0)
    assert info.address % 8 == 0


def test_the_device_tree_can_grow_without_meeting_anything() -> None:
    plan = plan_boot(MachineConfig(bios=FIRMWARE, kernel=KERNEL, memory_bytes=3 * MIB))
    tree = next(segment for segment in plan.segments if segment.name == "device tree")
    room_end = min(
        [s.address for s in plan.segments if s.address > tree.address] + [plan.firmware_info_address]
    )
    assert room_end - tree.end >= 16 << 10


def test_the_initrd_moves_behind_a_kernel_that_is_larger_than_half_of_the_memory() -> None:
    plan = plan_boot(MachineConfig(kernel=bytes(9 * MIB), initrd=INITRD, memory_bytes=16 * MIB))
    assert places(plan)["initrd"] == RAM + 9 * MIB


def test_the_device_tree_evades_a_guest_at_the_end_of_memory() -> None:
    guest = Elf((Load(), Load(RAM + 14 * MIB, memory_bytes=2 * MIB - 0x8000))).build()
    plan = plan_boot(MachineConfig(guest=guest, memory_bytes=16 * MIB))
    assert plan.device_tree_address >= RAM + 16 * MIB - 0x8000


def test_above_the_limit_of_the_device_tree_is_the_last_resort() -> None:
    below = Load(RAM, memory_bytes=1024 * MIB)
    plan = plan_boot(MachineConfig(guest=Elf((below,)).build(), memory_bytes=2048 * MIB))
    assert plan.device_tree_address == RAM + 2046 * MIB


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            MachineConfig(guest=bytes(MIB - 100), memory_bytes=MIB),
            r"guest \(0x80000000 to 0x800fff9c\) and device tree .* overlap: give --memory 2M",
        ),
        (
            MachineConfig(kernel=KERNEL, initrd=bytes(5 * MIB), memory_bytes=8 * MIB),
            r"initrd at 0x80400000 to 0x80900000 lies outside of RAM .*: give --memory 16M",
        ),
        (
            MachineConfig(kernel=KERNEL, initrd=bytes(4 * MIB), memory_bytes=8 * MIB),
            r"initrd .* and device tree .* overlap: give --memory 16M",
        ),
        (
            MachineConfig(kernel=KERNEL, initrd=bytes(9 * MIB), memory_bytes=8 * MIB),
            r"initrd takes 0x80000000 to 0x80900000, more than RAM .*: give --memory 16M",
        ),
        (
            MachineConfig(bios=FIRMWARE, kernel=KERNEL, memory_bytes=MIB),
            r"kernel takes 0x80200000 .*, more than RAM .*: give --memory 4M",
        ),
        (
            MachineConfig(bios=FIRMWARE, kernel=Elf().build()),
            r"firmware \(.*\) and kernel \(0x80000000 to 0x80000004\) overlap: no --memory helps",
        ),
        (MachineConfig(guest=bytes(9 * MIB), memory_bytes=8 * MIB), r"guest takes .*: give --memory 16M"),
        (MachineConfig(guest=gzip.compress(b"something")), r"neither a Linux Image nor an ELF"),
        (MachineConfig(guest=b""), r"guest is empty"),
        (MachineConfig(guest=Path("/nowhere")), r"guest /nowhere can't be read: No such file"),
        (MachineConfig(guest=KERNEL, bios=Path("/nowhere")), r"firmware /nowhere can't be read"),
        (MachineConfig(kernel=KERNEL, initrd=Path("/nowhere")), r"initrd /nowhere can't be read"),
    ],
)
def test_what_does_not_fit_is_refused_with_advice(config: MachineConfig, message: str) -> None:
    with pytest.raises(GuestError, match=message) as caught:
        plan_boot(config)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "config",
    [
        MachineConfig(guest=bytes(MIB - 100), memory_bytes=MIB),
        MachineConfig(kernel=KERNEL, initrd=bytes(5 * MIB), memory_bytes=8 * MIB),
        MachineConfig(bios=FIRMWARE, kernel=KERNEL, memory_bytes=MIB),
        MachineConfig(guest=bytes(8 * MIB), memory_bytes=MIB),
        MachineConfig(guest=Elf((Load(memory_bytes=64 * MIB - 5),)).build(), memory_bytes=MIB),
    ],
)
def test_the_advice_is_sound(config: MachineConfig) -> None:
    """The --memory that a refusal names is enough."""
    with pytest.raises(GuestError, match="give --memory") as caught:
        plan_boot(config)
    advised_mib = int(str(caught.value).split("give --memory ")[1].removesuffix("M"))
    plan_boot(replace(config, memory_bytes=advised_mib * MIB))


def test_a_gzipped_elf_is_unpacked() -> None:
    assert plan_boot(MachineConfig(guest=gzip.compress(Elf().build()))).entry == RAM


def test_the_guest_is_named_by_its_file_and_its_digest(tmp_path: Path) -> None:
    for name, data in (("fw.bin", FIRMWARE), ("Image", KERNEL), ("initrd.gz", INITRD)):
        (tmp_path / name).write_bytes(data)
    config = MachineConfig(
        bios=tmp_path / "fw.bin", kernel=tmp_path / "Image", initrd=tmp_path / "initrd.gz", guest_name=""
    )
    plan = plan_boot(config)
    assert plan.guest_name == "Image"
    assert plan.guest_sha256 == hashlib.sha256(FIRMWARE + KERNEL + INITRD).hexdigest()
    assert plan_boot(replace(config, guest_name="linux")).guest_name == "linux"


def test_a_plan_is_the_same_every_time() -> None:
    config = MachineConfig(bios=FIRMWARE, kernel=KERNEL, initrd=INITRD, append="quiet", harts=3)
    assert plan_boot(config) == plan_boot(config)


def test_files_are_closed(tmp_path: Path) -> None:
    (tmp_path / "guest").write_bytes(KERNEL)
    before = len(os.listdir("/proc/self/fd"))
    plan_boot(MachineConfig(guest=tmp_path / "guest"))
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_plan_is_written_to_ram() -> None:
    config = MachineConfig(bios=FIRMWARE, kernel=KERNEL, initrd=INITRD, memory_bytes=16 * MIB)
    plan = plan_boot(config)
    ram = np.zeros(config.memory_bytes, np.uint8)
    write_boot(plan, ram)
    expected = bytearray(config.memory_bytes)
    for segment in plan.segments:
        expected[segment.address - RAM : segment.address - RAM + len(segment.data)] = segment.data
    assert ram.tobytes() == bytes(expected)
    assert ram[2 * MIB : 2 * MIB + 4].tolist() == [0x13, 0, 0, 0]
    assert ram[plan.device_tree_address - RAM :][:4].tolist() == [0xD0, 0x0D, 0xFE, 0xED]
