"""A driver of virtio devices in Python: sets up rings in a machine's RAM, as a guest would, and uses its registers."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from small_guests import SPIN

from lockstep.log.entry import DISK, ENTROPY, FRAME, Entry
from lockstep.log.shared import SharedRing
from lockstep.machine import bus
from lockstep.machine.config import Clock, MachineConfig
from lockstep.machine.devices.virtio import constants, registers
from lockstep.machine.disks import find_disk
from lockstep.machine.entries import take
from lockstep.machine.machine import Machine, Stop
from lockstep.machine.memory_map import RAM_BASE, VIRTIO_SIZE

RAM_BYTES = 16 << 20
QUEUES_AT, QUEUE_ROOM = 0x10_0000, 0x4000
AVAILABLE_AT, USED_AT = 0x2000, 0x3000
"""Where a queue's rings are, from its descriptors on."""
BUFFERS_AT, BUFFERS_ROOM = 0x20_0000, 0x10_0000
"""Of the slots, one after the other."""
NEXT, WRITE, INDIRECT = 1, 2, 4

_READ = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int32, ctypes.c_int64)
_WRITE = ctypes.CFUNCTYPE(
    None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int32, ctypes.c_int64, ctypes.c_int64
)

Segment = tuple[int, int, bool]
"""Guest physical address, length in bytes, and whether the device writes there."""


def spinning_machine(
    *disks: Path, read_only: bool = False, network: bool = False, clock: Clock = "host", harts: int = 1
) -> Machine:
    """A machine that does nothing but look at its devices, block after block."""
    machine = Machine(
        MachineConfig(
            memory_bytes=RAM_BYTES,
            guest=SPIN,
            clock=clock,
            harts=harts,
            disks=tuple(find_disk(path, read_only=read_only) for path in disks),
            has_network=network,
        )
    )
    serve(machine)
    return machine


def serve(machine: Machine, positions: int = 1) -> Stop:
    """Let the machine look at its devices."""
    return machine.run(limit=machine.position + positions)


def take_entry(machine: Machine, kind: int, payload: bytes) -> None:
    """An entry of the log takes effect."""
    room = ctypes.create_string_buffer(payload, len(payload))
    result = take(machine.wires.first_wiring, kind, ctypes.addressof(room), len(payload))
    assert result == 0, result


def take_disk(machine: Machine, disk: int, status: int, number: int) -> None:
    """A DISK entry takes effect."""
    take_entry(machine, DISK, struct.pack("<3q", disk, status, number))


def take_frame(machine: Machine, frame: bytes) -> None:
    """A FRAME entry takes effect."""
    take_entry(machine, FRAME, frame)


def take_entropy(machine: Machine, data: bytes) -> None:
    """An ENTROPY entry takes effect."""
    take_entry(machine, ENTROPY, data)


def output_ring(machine: Machine, field: str = "disk_ring") -> SharedRing:
    """A ring that gets the machine's output."""
    ring = SharedRing.create(1 << 24, 1, 1)
    machine.control[field] = ring.base
    return ring


def taken(ring: SharedRing) -> list[Entry]:
    """What is in `ring`, which is empty then."""
    found = []
    while (entry := ring.peek()) is not None:
        found.append(entry)
        ring.pop()
    return found


class Slot:
    """The registers of a virtio slot."""

    def __init__(self, machine: Machine, slot: int) -> None:
        self.machine, self.slot = machine, slot
        self._read, self._write = _READ(bus.read_virtio.address), _WRITE(bus.write_virtio.address)

    def read(self, offset: int, size: int = 4) -> int:
        address = self.slot * VIRTIO_SIZE + offset
        value: int = self._read(0, address, size, self.machine.wires.first_wiring)
        return value & (1 << 8 * size) - 1

    def write(self, offset: int, value: int, size: int = 4) -> None:
        value -= (value >> 63) << 64
        self._write(0, self.slot * VIRTIO_SIZE + offset, size, value, self.machine.wires.first_wiring)

    @property
    def record(self) -> Any:
        return self.machine.board["virtio"][self.slot]

    @property
    def needs_reset(self) -> bool:
        return bool(self.read(registers.STATUS) & constants.NEEDS_RESET)

    @property
    def features(self) -> int:
        """What the device offers."""
        self.write(registers.DEVICE_FEATURES_SELECT, 0)
        low = self.read(registers.DEVICE_FEATURES)
        self.write(registers.DEVICE_FEATURES_SELECT, 1)
        return low | self.read(registers.DEVICE_FEATURES) << 32


class Driver(Slot):
    """A driver that has set its device up."""

    def __init__(
        self, machine: Machine, slot: int, *, queues: int = 1, size: int = 256, without: int = 0
    ) -> None:
        super().__init__(machine, slot)
        self.size, self.queues = size, queues
        self.set_up(without)

    def set_up(self, without: int = 0) -> None:
        """Reset the device, accept its features but `without`, and enable its queues."""
        self.forget_buffers()
        self.next_descriptor = [0] * self.queues
        self.available = [0] * self.queues
        self.seen = [0] * self.queues
        for status in (0, constants.ACKNOWLEDGE, constants.ACKNOWLEDGE | constants.DRIVER):
            self.write(registers.STATUS, status)
        accepted = self.features & ~without
        for half in range(2):
            self.write(registers.DRIVER_FEATURES_SELECT, half)
            self.write(registers.DRIVER_FEATURES, accepted >> 32 * half & 0xFFFF_FFFF)
        status = constants.ACKNOWLEDGE | constants.DRIVER | constants.FEATURES_OK
        self.write(registers.STATUS, status)
        assert self.read(registers.STATUS) == status
        for queue in range(self.queues):
            base = self.queue_at(queue)
            self.poke(base, bytes(QUEUE_ROOM))
            self.place(queue, base, base + AVAILABLE_AT, base + USED_AT)
        self.write(registers.STATUS, status | constants.DRIVER_OK)

    def forget_buffers(self) -> None:
        """All of this driver's buffers are free again."""
        self.next_free = BUFFERS_AT + self.slot * BUFFERS_ROOM

    def place(self, queue: int, descriptors: int, available: int, used: int) -> None:
        """Tell the device where a queue is, and enable it."""
        self.write(registers.QUEUE_SELECT, queue)
        self.write(registers.QUEUE_READY, 0)
        self.write(registers.QUEUE_SIZE, self.size)
        for register, address in (
            (registers.QUEUE_DESCRIPTORS, descriptors),
            (registers.QUEUE_AVAILABLE, available),
            (registers.QUEUE_USED, used),
        ):
            self.write(register, address & 0xFFFF_FFFF)
            self.write(register + 4, address >> 32)
        self.write(registers.QUEUE_READY, 1)

    def queue_at(self, queue: int) -> int:
        return RAM_BASE + QUEUES_AT + (2 * self.slot + queue) * QUEUE_ROOM

    def poke(self, address: int, data: bytes) -> None:
        start = address - RAM_BASE
        self.machine.wires.ram[start : start + len(data)] = memoryview(data)

    def peek(self, address: int, length: int) -> bytes:
        start = address - RAM_BASE
        return self.machine.wires.ram[start : start + length].tobytes()

    def room(self, length: int, data: bytes = b"") -> int:
        """Guest physical address of some unused RAM."""
        address = RAM_BASE + self.next_free
        self.next_free += (length + 15) & -16
        self.poke(address, data.ljust(length, b"\xee"))
        return address

    def descriptor(self, address: int, length: int, flags: int, following: int = 0) -> bytes:
        return struct.pack("<QIHH", address & 2**64 - 1, length, flags, following)

    def table(self, segments: Sequence[Segment], first: int = 0) -> bytes:
        """Descriptors of a chain, in order, that lie from number `first` on."""
        return b"".join(
            self.descriptor(
                address,
                length,
                (WRITE if writable else 0) | (NEXT if index < len(segments) - 1 else 0),
                first + index + 1,
            )
            for index, (address, length, writable) in enumerate(segments)
        )

    def add(self, segments: Sequence[Segment], queue: int = 0, *, indirect: bool = False) -> int:
        """Make a chain available; returns its head."""
        count = 1 if indirect else len(segments)
        if self.next_descriptor[queue] + count > self.size:
            self.next_descriptor[queue] = 0
        head = self.next_descriptor[queue]
        self.next_descriptor[queue] = (head + count) % self.size
        if indirect:
            table = self.table(segments)
            raw = self.descriptor(self.room(len(table), table), len(table), INDIRECT)
        else:
            raw = self.table(segments, head)
        self.poke(self.queue_at(queue) + 16 * head, raw)
        self.offer(head, queue)
        return head

    def offer(self, head: int, queue: int = 0) -> None:
        """Put `head` into the available ring."""
        ring = self.queue_at(queue) + AVAILABLE_AT
        self.poke(ring + 4 + 2 * (self.available[queue] % self.size), struct.pack("<H", head))
        self.available[queue] = (self.available[queue] + 1) % 2**16
        self.poke(ring + 2, struct.pack("<H", self.available[queue]))

    def notify(self, queue: int = 0) -> None:
        self.write(registers.QUEUE_NOTIFY, queue)

    def used(self, queue: int = 0) -> list[tuple[int, int]]:
        """The chains that have come back since the last call: head and bytes written of each."""
        ring = self.queue_at(queue) + USED_AT
        (index,) = struct.unpack("<H", self.peek(ring + 2, 2))
        found = []
        while self.seen[queue] != index:
            at = ring + 4 + 8 * (self.seen[queue] % self.size)
            found.append(struct.unpack("<II", self.peek(at, 8)))
            self.seen[queue] = (self.seen[queue] + 1) % 2**16
        return found
