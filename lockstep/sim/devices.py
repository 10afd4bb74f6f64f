"""A toy guest's disk and network on one host, and the rings by which what they put out leaves it.

A host reads from the file what its machine hasn't written itself, or what the sink says is there by now. What it reads
becomes part of the guest's state: a file that shows one host what another one doesn't see makes them differ for ever.
"""

from __future__ import annotations

from collections import deque

from lockstep.ft.device_output import NOBODY, RingCounts

BLOCKS = 8
FLUSH = -1
"""In place of a block's number: a flush."""
RING_ENTRIES_MAX = 12
FLUSHED, WRITES_FAILED = 0, 1
"""Status of a DISK entry, as in `machine.virtio`."""
_MASK = (1 << 64) - 1
_FACTOR = 0x9E37_79B9_7F4A_7C15

Output = tuple[int, int, int]
"""position, block, value; of a frame, the value alone counts"""
Retained = tuple[list[Output], list[Output]]
"""What of a disk's and the network's output the sink may still lack."""


class OutputRing:
    """One host's ring of numbered output, with the notes of both sides; it outlives the host."""

    def __init__(self) -> None:
        """Its host has no machine yet."""
        self.first: int | None = None
        self.made = self.released = 0
        self.hold_for, self.hold = NOBODY, 0
        self.entries: deque[Output] = deque()
        self.applied = self.durable = 0
        self.is_failed = False
        """The sink's notes: what shows in the file, which flushes are done, and whether the disk takes no more."""

    def begin(self, made: int, retained: list[Output]) -> None:
        """Its machine has made so much, of which the sink may lack what is `retained`."""
        self.entries.extend(retained)
        self.made, self.first = made, made - len(retained)

    def append(self, output: Output) -> None:
        """Its machine made it."""
        self.made += 1
        self.entries.append(output)

    @property
    def counts(self) -> RingCounts:
        """As the sink reads them."""
        released = self.made - len(self.entries)
        for position, _, _ in self.entries:
            if position > self.released:
                break
            released += 1
        return RingCounts(self.first, self.made, released, self.hold_for, self.hold)

    def output(self, number: int) -> Output:
        """The entry with this number."""
        return self.entries[number - self.made]

    def drop_below(self, number: int) -> None:
        """The sink needs nothing below it."""
        for _ in range(min(number - self.made + len(self.entries), len(self.entries))):
            self.entries.popleft()


class ToyDevices:
    """One machine's."""

    def __init__(self, file: list[int]) -> None:
        """`file` has the disk's blocks, as all hosts see them."""
        self.file = file
        self.disk_ring, self.frame_ring = OutputRing(), OutputRing()
        self.retained: Retained = ([], [])
        self.overlay: dict[int, tuple[int, int]] = {}
        """By block: the number of its last write, and what was written."""
        self.disk_outputs: list[tuple[int, int]] = []
        self.frames: list[int] = []
        """All that the machine ever made."""
        self.flush: int | None = None
        """The number of the flush that the guest waits for."""
        self.is_failed = False
        """The guest was told that the disk takes no more."""

    def copy(self) -> ToyDevices:
        """A forked copy's, with what the sink may still lack of its output."""
        other = ToyDevices(self.file)
        other.retained = list(self.disk_ring.entries), list(self.frame_ring.entries)
        other.overlay = self.overlay.copy()
        other.disk_outputs, other.frames = self.disk_outputs.copy(), self.frames.copy()
        other.flush, other.is_failed = self.flush, self.is_failed
        return other

    def begin(self, disk_ring: OutputRing, frame_ring: OutputRing) -> None:
        """The machine is about to run on a host that has these rings."""
        disk_ring.begin(len(self.disk_outputs), self.retained[0])
        frame_ring.begin(len(self.frames), self.retained[1])
        self.disk_ring, self.frame_ring = disk_ring, frame_ring

    @property
    def is_full(self) -> bool:
        """Whether the machine stands still, as its output finds no room."""
        return (
            len(self.disk_ring.entries) >= RING_ENTRIES_MAX
            or len(self.frame_ring.entries) >= RING_ENTRIES_MAX
        )

    def use(self, bits: int, state: int, position: int) -> int:
        """The guest does something with them; the state that it has then."""
        operation, block = bits & 7, bits >> 3 & 7
        if operation < 3:
            if self.is_failed:
                return state ^ 1
            self.overlay[block] = (len(self.disk_outputs), state >> 8)
            self._put_out(position, block, state >> 8)
        elif operation < 6:
            return state ^ self._read(block) * _FACTOR & _MASK
        elif operation == 7:
            self.frames.append(state >> 16)
            self.frame_ring.append((position, 0, state >> 16))
        elif self.flush is None and not self.is_failed:
            self.flush = len(self.disk_outputs)
            self._put_out(position, FLUSH, 0)
        return state

    def _put_out(self, position: int, block: int, value: int) -> None:
        self.disk_outputs.append((block, value))
        self.disk_ring.append((position, block, value))

    def _read(self, block: int) -> int:
        written = self.overlay.get(block)
        if written is None or written[0] < self.disk_ring.applied:
            return self.file[block]
        return written[1]

    def take_disk(self, payload: bytes) -> int:
        """A DISK entry takes effect; what it changes in the state."""
        if payload[0] == WRITES_FAILED:
            self.is_failed = True
        self.flush = None
        return int.from_bytes(payload, "little") * _FACTOR & _MASK

    @staticmethod
    def take_frame(payload: bytes) -> int:
        """A frame arrives; what it changes in the state."""
        return int.from_bytes(payload, "little") * _FACTOR & _MASK

    def due_entry(self) -> bytes | None:
        """What a live machine is to be told about its disk, as a DISK entry's payload."""
        ring = self.disk_ring
        if ring.is_failed and not self.is_failed:
            return disk_entry(WRITES_FAILED, len(self.disk_outputs))
        if self.flush is not None and ring.durable > self.flush:
            return disk_entry(FLUSHED, self.flush)
        return None


def disk_entry(status: int, number: int) -> bytes:
    """A DISK entry's payload."""
    return bytes([status]) + number.to_bytes(8, "little")


def flushed_number(payload: bytes) -> int | None:
    """The number of the flush that a DISK entry says is durable; None if it says something else."""
    return int.from_bytes(payload[1:], "little") if payload[0] == FLUSHED else None
