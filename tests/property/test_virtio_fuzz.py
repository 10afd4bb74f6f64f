"""Hostile drivers: rings of nonsense. Two machines that get the same bytes stay one, and nothing beside RAM is touched.

The second machine looks at its devices more often at a position than the first, and moves to a new one now and then.
"""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from virtio_driver import (
    AVAILABLE_AT,
    QUEUE_ROOM,
    RAM_BYTES,
    USED_AT,
    Driver,
    serve,
    spinning_machine,
    take_disk,
    take_entropy,
    take_frame,
)

from lockstep.machine import wire_up
from lockstep.machine.devices.virtio import registers
from lockstep.machine.devices.virtio.network import TRANSMIT
from lockstep.machine.machine import Machine, Stop
from lockstep.machine.memory_map import ENTROPY_SLOT, NETWORK_SLOT, RAM_BASE
from lockstep.machine.overlay import overlays, put_back
from lockstep.machine.virtio import FLUSHED, WRITES_FAILED

DISK_BYTES = 1 << 20
GUARD_BYTES = 1 << 16
CANARY = 0xA5
QUEUES = {0: 1, 1: 1, NETWORK_SLOT: 2, ENTROPY_SLOT: 1}
VIRTIO_FIELDS = {
    "virtio_notified", "virtio_lines", "virtio_served_at", "virtio_budget", "virtio", "disks", "network", "entropy",
    "disk_outputs", "frame_outputs", "plic", "position",
}  # fmt: skip

guarded: list[npt.NDArray[np.uint8]] = []
"""RAM of machines, with room for canaries before and behind it."""


def guarded_memory(size_bytes: int, *, huge_pages: bool = False) -> npt.NDArray[np.uint8]:
    whole = original_memory(size_bytes + 2 * GUARD_BYTES)
    if size_bytes == RAM_BYTES:
        whole[:GUARD_BYTES] = whole[-GUARD_BYTES:] = CANARY
        guarded.append(whole)
    return whole[GUARD_BYTES:-GUARD_BYTES]


original_memory = wire_up.anonymous_memory


@pytest.fixture(autouse=True)
def guards(monkeypatch: pytest.MonkeyPatch) -> None:
    guarded.clear()
    monkeypatch.setattr(wire_up, "anonymous_memory", guarded_memory)


class Hostile:
    """Draws what a driver might write."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    def address(self) -> int:
        draw, end = self.draw, RAM_BASE + RAM_BYTES
        kind = draw.randrange(10)
        if kind < 6:
            return RAM_BASE + draw.randrange(0x10_0000, 0x40_0000)
        if kind == 6:  # the rings themselves
            return RAM_BASE + 0x10_0000 + draw.randrange(0x4_0000)
        if kind == 7:
            return end - draw.randrange(0, 4096)
        if kind == 8:
            return draw.choice((0, RAM_BASE - 1, end, 2**64 - 1, 2**63 - 1, 2**63, 0x1000_0000, 2**64 - 4096))
        return draw.getrandbits(64)

    def length(self) -> int:
        draw = self.draw
        return draw.choice((
            0, 1, 12, 15, 16, 17, 20, 511, 512, 512, 1024, 4096, 4096, 65_536, draw.randrange(10_000),
            draw.getrandbits(32), 2**32 - 1, 2**31,
        ))  # fmt: skip

    def descriptor(self, index: int) -> bytes:
        draw = self.draw
        flags = draw.choice((0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4, 5, draw.getrandbits(16)))
        following = draw.choice((index + 1, index + 1, index + 1, draw.randrange(256), draw.getrandbits(16)))
        return struct.pack("<QIHH", self.address(), self.length(), flags, following & 0xFFFF)

    def request(self, index: int, header_at: int) -> bytes:
        """A chain that nearly makes sense."""
        draw = self.draw
        count, reads = draw.randrange(0, 5), draw.random() < 0.5
        raw = struct.pack("<QIHH", header_at, draw.choice((16, 16, 16, 16, 12, 8, 40)), 1, index + 1)
        for at in range(count):
            address = RAM_BASE + draw.randrange(0x20_0000, 0x40_0000)
            raw += struct.pack(
                "<QIHH", address, self.length() & 0xFFFF, 1 | (2 if reads else 0), index + 2 + at
            )
        return raw + struct.pack("<QIHH", self.address(), draw.choice((1, 1, 1, 2, 0)), 2, 0)

    def simple(self, index: int, flags: int) -> bytes:
        """A chain for the network or the generator that nearly makes sense: all to be read, or all to be written."""
        draw = self.draw
        count = draw.randrange(1, 5)
        return b"".join(
            struct.pack(
                "<QIHH",
                RAM_BASE + draw.randrange(0x20_0000, 0x40_0000),
                draw.choice((12, 64, 1500, 4096, 70_000)),
                flags | (1 if at < count - 1 else 0) ^ (2 if draw.random() < 0.02 else 0),
                index + 1 + at,
            )
            for at in range(count)
        )

    def header(self) -> bytes:
        draw = self.draw
        kind = draw.choice((0, 0, 0, 1, 1, 1, 4, 8, 11, 13, draw.getrandbits(32)))
        sector = draw.choice(
            (0, 1, 7, draw.randrange(DISK_BYTES // 512), DISK_BYTES // 512, draw.getrandbits(64))
        )
        return struct.pack(
            "<IIQQII", kind, 0, sector, draw.randrange(100), draw.randrange(100), draw.randrange(3)
        )

    def pokes(self, base: int, slot: int, queue: int) -> list[tuple[int, bytes]]:
        """What to write into a queue's memory before it is notified."""
        draw = self.draw
        kind = draw.randrange(8)
        if kind == 0:
            at = draw.randrange(QUEUE_ROOM - 64)
            return [(base + at, draw.randbytes(64))]
        found = []
        if kind < 4:
            first = draw.randrange(240)
            found.append((base + 16 * first, b"".join(self.descriptor(first + at) for at in range(8))))
        else:
            first, header_at = draw.randrange(240), RAM_BASE + draw.randrange(0x20_0000, 0x40_0000)
            is_disk, flags = slot < NETWORK_SLOT, 0 if queue == TRANSMIT else 2
            raw = self.request(first, header_at) if is_disk else self.simple(first, flags)
            found += [(header_at, self.header()), (base + 16 * first, raw)]
        heads = [first if draw.random() < 0.8 else draw.getrandbits(16) for _ in range(8)]
        return [*found, (base + AVAILABLE_AT + 4, struct.pack("<8H", *heads) * 32)]


class Twins:
    """Two machines that get the same."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        self.machines = [spinning_machine(*paths, network=True) for _ in range(2)]
        self.drivers: list[dict[int, Driver]] = [
            {slot: Driver(machine, slot, queues=queues) for slot, queues in QUEUES.items()}
            for machine in self.machines
        ]

    def both(self, slot: int) -> list[Driver]:
        return [drivers[slot] for drivers in self.drivers]

    def step(self, hostile: Hostile) -> None:
        """One more piece of nonsense for both."""
        draw = hostile.draw
        slot = draw.choice(list(QUEUES))
        queue = draw.randrange(QUEUES[slot])
        first = self.both(slot)[0]
        if first.needs_reset or draw.random() < 0.02:
            for driver in self.both(slot):
                driver.set_up(without=0)
        base = first.queue_at(queue)
        pokes = hostile.pokes(base, slot, queue)
        # Mostly a few new chains; sometimes the index is nonsense.
        ahead = draw.choice((1, 1, 2, 3, 5, 0, 257 if draw.random() < 0.1 else 1))
        index = int(first.record["queues"][queue]["available_index"]) + ahead
        pokes.append((base + AVAILABLE_AT, struct.pack("<HH", draw.choice((0, 0, 1, 7)), index & 0xFFFF)))
        register = draw.randrange(0, 0x110, 4) if draw.random() < 0.1 else -1
        value = draw.choice((0, 1, 15, draw.getrandbits(32)))
        entry = draw.randrange(8)
        frame = draw.randbytes(draw.choice((14, 60, 1514, 5000, 65_550))) if entry == 0 else b""
        disk, number = draw.randrange(2), int(self.machines[0].board["disk_outputs"])
        status = WRITES_FAILED if draw.random() < 0.01 else FLUSHED
        positions = draw.choice((1, 1, 2, 30))
        for machine, driver in zip(self.machines, self.both(slot), strict=True):
            for address, data in pokes:
                driver.poke(address, data)
            if register >= 0:
                driver.write(register, value)
            driver.notify(queue)
            if frame:
                take_frame(machine, frame)
            elif entry == 1:
                take_disk(machine, disk, status, number)
            elif entry == 2:
                take_entropy(machine, value.to_bytes(4, "little") * 8)
            if machine is self.machines[1]:
                assert machine.run(limit=machine.position) == Stop.REACHED
            assert machine.run(limit=machine.position + positions) == Stop.REACHED

    def move(self) -> None:
        """The second goes on in a new machine."""
        old = self.machines[1]
        new = Machine(old.config, boot=False)
        new.restore(old.snapshot())
        put_back(new.wires, [overlay.all_written() for overlay in overlays(old.wires)])
        self.machines[1] = new
        for driver in self.drivers[1].values():
            driver.machine = new
        # Registers are reached from within a block only.
        for machine in self.machines:
            serve(machine)

    def check(self, beside: dict[str, Any], note: str) -> None:
        first, second = self.machines
        assert beside_virtio(first) == beside, f"{note}: the board beside virtio changed"
        if first.digest() != second.digest():
            fields = [
                name for name in first.board.dtype.names if (first.board[name] != second.board[name]).any()
            ]
            pages = np.unique((first.wires.ram != second.wires.ram).nonzero()[0] >> 12)[:5]
            pytest.fail(f"{note}: the machines differ in {fields}, RAM pages {pages.tolist()}")
        for memory in guarded:
            assert (memory[:GUARD_BYTES] == CANARY).all(), f"{note}: something before RAM was written"
            assert (memory[-GUARD_BYTES:] == CANARY).all(), f"{note}: something behind RAM was written"


def beside_virtio(machine: Machine) -> dict[str, bytes]:
    board = machine.board
    return {
        name: board[name].tobytes()
        for name in board.dtype.names
        if name not in VIRTIO_FIELDS and name not in ("quiet_at", "turn_end")
    }


@pytest.mark.parametrize("seed", range(6))
def test_hostile_drivers(tmp_path: Path, seed: int) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_bytes(random.Random(seed).randbytes(DISK_BYTES))
    content = [path.read_bytes() for path in paths]
    twins, hostile = Twins(paths), Hostile(seed)
    beside = beside_virtio(twins.machines[0])
    for step in range(2000):
        twins.step(hostile)
        if step % 100 == 99:
            twins.check(beside, f"seed {seed}, step {step}")
        if step % 500 == 499:
            twins.move()
    board = twins.machines[0].board
    served = [
        int(board["disks"][0]["requests"]),
        int(board["frame_outputs"]),
        int(board["network"]["frames_in"]),
    ]
    assert min(served) > 20, f"seed {seed}: hardly anything made sense: {served}"
    assert [path.read_bytes() for path in paths] == content, "only the sink writes to files"


def test_registers_take_anything(tmp_path: Path) -> None:
    """Whatever is written to registers, in any order and size: two machines stay one."""
    path = tmp_path / "a"
    path.write_bytes(bytes(DISK_BYTES))
    twins, draw = Twins([path, path]), random.Random(11)
    beside = beside_virtio(twins.machines[0])
    for step in range(3000):
        slot, offset = (
            draw.choice(list(QUEUES)),
            draw.choice((draw.randrange(0, 0x100, 4), draw.randrange(0x1000))),
        )
        size = draw.choice((4, 4, 4, 1, 2, 8))
        value = draw.choice((0, 1, 2, 8, 15, 64, 128, RAM_BASE, RAM_BASE + USED_AT, draw.getrandbits(32)))
        reads = []
        for machine, driver in zip(twins.machines, twins.both(slot), strict=True):
            driver.write(offset, value, size)
            driver.write(registers.QUEUE_NOTIFY, 0)
            reads.append(driver.read(offset, size))
            machine.run(limit=machine.position + 1)
        assert reads[0] == reads[1]
        if step % 500 == 499:
            twins.check(beside, f"step {step}")
