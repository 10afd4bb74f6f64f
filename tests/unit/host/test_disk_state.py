"""What machines have written to their disks, taken elsewhere; compared through what each of them reads."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
import pytest

from lockstep.errors import InternalError
from lockstep.host.disk_state import read_overlay, write_overlay
from lockstep.host.machine_state import read_machine, write_machine
from lockstep.machine import disk_view
from lockstep.machine.config import Disk, MachineConfig
from lockstep.machine.disk_view import BLOCK_BYTES
from lockstep.machine.machine import Machine

GUEST = Path(__file__).resolve().parents[3] / "guests" / "hello.elf"
SIZES_BYTES = (5 * (2 << 20) + 512 * 3, 1 << 40)
"""Some chunks and a part of a block; and more than there is memory."""
LOOKED_AT_BYTES = 6 * (2 << 20)


def make_disks(directory: Path, sizes: tuple[int, ...] = SIZES_BYTES) -> tuple[Disk, ...]:
    disks = []
    for number, size_bytes in enumerate(sizes):
        path = directory / f"{number}.img"
        with path.open("wb") as file:
            file.write(bytes([17 + number]) * min(size_bytes, LOOKED_AT_BYTES))
            file.truncate(size_bytes)
        disks.append(Disk(path=path, size_bytes=size_bytes))
    return tuple(disks)


def make_machine(disks: tuple[Disk, ...]) -> Machine:
    return Machine(MachineConfig(guest=GUEST, memory_bytes=1 << 20, clock="virtual", disks=disks))


def read(machine: Machine, disk: int, offset: int, length: int) -> bytes:
    buffer = np.zeros(length, np.uint8)
    assert disk_view.view_read(machine.control, disk, offset, buffer.ctypes.data, length) == 0
    return buffer.tobytes()


def content(machine: Machine) -> list[bytes]:
    """The start of each disk, and the end of it."""
    return [
        part
        for disk, one in enumerate(machine.config.disks)
        for part in (
            read(machine, disk, 0, min(one.size_bytes, LOOKED_AT_BYTES)),
            read(machine, disk, one.size_bytes - 8192, 8192),
        )
    ]


class Writer:
    """Makes outputs as a guest's writes do."""

    def __init__(self, machine: Machine, seed: int) -> None:
        self.machine, self.outputs, self.drawn = machine, 0, random.Random(seed)

    def write(self, disk: int, offset: int, length: int) -> None:
        data = np.frombuffer(self.drawn.randbytes(length), np.uint8)
        address = data.ctypes.data
        assert disk_view.view_write(self.machine.control, disk, self.outputs, offset, address, length) == 0
        self.outputs += 1

    def zero(self, disk: int, offset: int, length: int) -> None:
        assert disk_view.view_zero(self.machine.control, disk, self.outputs, offset, length) == 0
        self.outputs += 1

    def much(self, count: int) -> None:
        for _ in range(count):
            disk = self.drawn.randrange(len(self.machine.config.disks))
            length = 512 * self.drawn.randrange(1, 40)
            size = min(self.machine.config.disks[disk].size_bytes, LOOKED_AT_BYTES)
            offset = 512 * self.drawn.randrange((size - length) // 512)
            (self.write if self.drawn.random() < 0.7 else self.zero)(disk, offset, length)
        for disk, one in enumerate(self.machine.config.disks):
            self.write(disk, one.size_bytes - 512, 512)


def sent(machine: Machine, above: int = 0) -> bytes:
    stream = io.BytesIO()
    write_overlay(machine, stream, above)
    return stream.getvalue()


@pytest.mark.parametrize("seed", range(3))
def test_all_of_it_arrives(tmp_path: Path, seed: int) -> None:
    print("seed", seed)
    disks = make_disks(tmp_path)
    original, copy = make_machine(disks), make_machine(disks)
    before = content(copy)
    Writer(original, seed).much(60)
    read_overlay(copy, io.BytesIO(sent(original)))
    assert content(copy) == content(original) != before
    for mine, theirs in zip(copy.wires.disks.views, original.wires.disks.views, strict=True):
        assert mine["written_blocks"] == theirs["written_blocks"]
    assert sent(copy) == sent(original)


def test_only_what_outputs_from_a_number_on_have_written(tmp_path: Path) -> None:
    disks = make_disks(tmp_path)
    original, copy = make_machine(disks), make_machine(disks)
    writer = Writer(original, 1)
    writer.much(30)
    read_overlay(copy, io.BytesIO(sent(original)))
    number = writer.outputs
    nothing = len(sent(make_machine(disks)))
    assert len(sent(original, number)) == nothing
    writer.write(0, 4 * BLOCK_BYTES, 2 * BLOCK_BYTES)
    writer.zero(0, 9 * BLOCK_BYTES, BLOCK_BYTES)
    assert nothing < len(sent(original, number)) < nothing + 3 * BLOCK_BYTES
    assert len(sent(original, number + 2)) == nothing
    read_overlay(copy, io.BytesIO(sent(original, number)))
    assert content(copy) == content(original)


def test_it_is_part_of_a_machines_state_and_of_a_snapshot(tmp_path: Path) -> None:
    disks = make_disks(tmp_path)
    original = make_machine(disks)
    untouched = original.snapshot()
    before = content(original)
    writer = Writer(original, 2)
    writer.much(20)
    snapshot, after = original.snapshot(), content(original)
    stream = io.BytesIO()
    write_machine(original, stream)
    copy = Machine(original.config, boot=False)
    read_machine(copy, io.BytesIO(stream.getvalue()))
    assert content(copy) == after
    writer.much(20)
    assert content(original) != after
    original.restore(snapshot)
    assert content(original) == after
    original.restore(untouched)
    assert content(original) == before
    assert int(original.wires.disks.views[0]["written_blocks"]) == 0


def test_a_copy_is_still_the_same_when_it_forgets_what_its_file_has(tmp_path: Path) -> None:
    """Versions of chunks arrive as well: they say what may be forgotten."""
    disks = make_disks(tmp_path, SIZES_BYTES[:1])
    original, copy = make_machine(disks), make_machine(disks)
    writer = Writer(original, 3)
    writer.much(20)
    read_overlay(copy, io.BytesIO(sent(original)))
    copy.wires.disks.views[0]["forget_above"] = 0
    disk_view.forget_applied(copy.control, 0, 0)
    assert content(copy) == content(original)
    copy.wires.disks.views[0]["forget_above"] = 0
    disk_view.forget_applied(copy.control, 0, writer.outputs)
    assert int(copy.wires.disks.views[0]["written_blocks"]) == 0


@pytest.mark.parametrize("kept", [0, 3, 24, 100, -1])
def test_a_stream_that_breaks_off_is_refused(tmp_path: Path, kept: int) -> None:
    disks = make_disks(tmp_path, SIZES_BYTES[:1])
    original = make_machine(disks)
    Writer(original, 4).much(5)
    with pytest.raises(InternalError, match="broke off"):
        read_overlay(make_machine(disks), io.BytesIO(sent(original)[:kept]))


def test_blocks_of_another_disk_are_refused(tmp_path: Path) -> None:
    large, small = make_disks(tmp_path, (64 << 20, 1 << 20))
    original = make_machine((large,))
    Writer(original, 5).much(5)
    with pytest.raises(InternalError, match="another"):
        read_overlay(make_machine((small,)), io.BytesIO(sent(original)))
    with pytest.raises(InternalError, match="another"):
        read_overlay(make_machine(()), io.BytesIO(sent(original)))
