"""A disk against a plain array of bytes: any order of requests, cuts of their buffers, snapshots and sinks that lag."""

from __future__ import annotations

import os
import random
import struct
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from virtio_disk import SECTOR, DiskDriver
from virtio_driver import output_ring, serve, spinning_machine, take_disk, taken

from lockstep.log.entry import Entry
from lockstep.log.shared import SharedRing
from lockstep.machine.devices.virtio.disk import (
    DISCARD_REQUEST,
    FLUSH_REQUEST,
    IN,
    IO_ERROR,
    OK,
    OUT,
    WRITE_ZEROES_REQUEST,
)
from lockstep.machine.machine import Machine
from lockstep.machine.output import FLUSH, WRITE
from lockstep.machine.overlay import overlays, put_back
from lockstep.machine.virtio import FLUSHED

SECTORS = 203  # not whole blocks
sectors = st.integers(0, SECTORS + 1)
counts = st.integers(0, 40)
pieces = st.integers(1, 7)


class DiskModel(RuleBasedStateMachine):
    """What a disk is: bytes. What goes to the sink makes the file equal to them, entry by entry."""

    ring: SharedRing | None = None

    @initialize(seed=st.integers(0, 3))
    def create(self, seed: int) -> None:
        self.directory = tempfile.TemporaryDirectory()
        path = Path(self.directory.name) / "disk"
        self.model = bytearray(random.Random(seed).randbytes(SECTORS * SECTOR))
        path.write_bytes(self.model)
        self.file = os.open(path, os.O_RDWR)
        self.disk = DiskDriver(spinning_machine(path))
        self.ring = output_ring(self.disk.machine)
        self.made: list[Entry] = []
        self.applied = 0

    def teardown(self) -> None:
        if self.ring:
            self.disk.machine.control["disk_ring"] = 0
            self.ring.close()
            os.close(self.file)
            self.directory.cleanup()

    def do(
        self, kind: int, sector: int, data: bytes, count: int, cuts: int, indirect: bool
    ) -> tuple[int, bytes]:
        self.disk.forget_buffers()
        return self.disk.do(
            kind, sector, data, read_bytes=0 if data else count * SECTOR, pieces=cuts, indirect=indirect
        )

    @rule(sector=sectors, count=counts, cuts=pieces, indirect=st.booleans())
    def read(self, sector: int, count: int, cuts: int, indirect: bool) -> None:
        status, data = self.do(IN, sector, b"", count, cuts, indirect)
        first = sector * SECTOR
        if sector + count <= SECTORS:
            assert (status, data) == (OK, bytes(self.model[first : first + count * SECTOR]))
        else:
            assert status == IO_ERROR

    @rule(
        sector=sectors, count=st.integers(1, 40), cuts=pieces, indirect=st.booleans(), seed=st.integers(0, 9)
    )
    def write(self, sector: int, count: int, cuts: int, indirect: bool, seed: int) -> None:
        data = random.Random(seed).randbytes(count * SECTOR)
        status, _ = self.do(OUT, sector, data, 0, cuts, indirect)
        self.expect(status, sector, data)

    @rule(sector=sectors, count=counts, kind=st.sampled_from([DISCARD_REQUEST, WRITE_ZEROES_REQUEST]))
    def zero(self, sector: int, count: int, kind: int) -> None:
        status, _ = self.do(kind, 0, struct.pack("<QII", sector, count, 0), 0, 1, False)
        self.expect(status, sector, bytes(count * SECTOR))

    def expect(self, status: int, sector: int, data: bytes) -> None:
        if sector * SECTOR + len(data) <= len(self.model):
            assert status == OK
            self.model[sector * SECTOR : sector * SECTOR + len(data)] = data
        else:
            assert status == IO_ERROR

    @rule()
    def flush(self) -> None:
        request = self.disk.submit(FLUSH_REQUEST)
        self.disk.notify()
        serve(self.disk.machine)
        assert self.disk.used() == []
        number = int(self.disk.machine.board["disk_outputs"]) - 1
        self.apply(number + 1)
        take_disk(self.disk.machine, 0, FLUSHED, number)
        assert self.disk.used() == [(request.head, 1)]
        assert os.pread(self.file, len(self.model), 0) == self.model, "durable means all of it"

    @rule(count=st.integers(0, 9))
    def apply_some(self, count: int) -> None:
        self.apply(self.applied + count)

    def apply(self, until: int) -> None:
        """Do what a sink does with the outputs before number `until`."""
        for entry in self.made[self.applied : until]:
            operation = entry.kind - 1
            if operation == WRITE:
                os.pwrite(self.file, entry.payload, entry.pc)
            elif operation != FLUSH:
                os.pwrite(self.file, bytes(int.from_bytes(entry.payload, "little")), entry.pc)
            self.applied += 1

    @rule()
    def move(self) -> None:
        """Go on in a new machine."""
        assert self.ring
        old = self.disk.machine
        new = Machine(old.config, boot=False)
        new.restore(old.snapshot())
        put_back(new.wires, [overlay.all_written() for overlay in overlays(old.wires)])
        old.control["disk_ring"], new.control["disk_ring"] = 0, self.ring.base
        self.disk.machine = new
        serve(new)

    @invariant()
    def collect(self) -> None:
        if self.ring:
            self.made += taken(self.ring)
            assert len(self.made) == self.disk.machine.board["disk_outputs"]


TestDiskModel = DiskModel.TestCase
TestDiskModel.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
