"""What a machine sees of a disk, compared with a plain array of bytes; the file behind it lags as a sink's does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.errors import GuestError
from lockstep.machine import disk_view, disks
from lockstep.machine.config import Disk
from lockstep.machine.disks import Disks
from lockstep.machine.state import CONTROL

SECTOR = 512
SECTORS = 2 * 4096 * 3 + 37  # three chunks and some, not whole blocks
BUFFER_SECTORS = 40


class Seen:
    """A view, the model of it, and the file behind it, to which outputs are applied later."""

    def __init__(self, path: Path) -> None:
        seed = np.random.default_rng(7).integers(0, 256, SECTORS * SECTOR, np.uint8)
        path.write_bytes(seed.tobytes())
        self.model = bytearray(seed.tobytes())
        self.file = os.open(path, os.O_RDWR)
        self.control: Any = np.zeros(1, CONTROL)[0]
        self.disks = Disks((Disk(path=path, size_bytes=SECTORS * SECTOR),), self.control)
        self.disks.views[0]["forget_above"] = 50
        self.buffer = np.zeros(BUFFER_SECTORS * SECTOR, np.uint8)
        self.outputs: list[tuple[int, bytes]] = []
        self.applied = 0

    def read(self, sector: int, count: int) -> bytes:
        length = count * SECTOR
        assert disk_view.view_read(self.control, 0, sector * SECTOR, self.buffer.ctypes.data, length) == 0
        return self.buffer[:length].tobytes()

    def write(self, sector: int, data: bytes) -> None:
        self.buffer[: len(data)] = np.frombuffer(data, np.uint8)
        number = len(self.outputs)
        offset, address = sector * SECTOR, self.buffer.ctypes.data
        assert disk_view.view_write(self.control, 0, number, offset, address, len(data)) == 0
        self._made(offset, data)

    def zero(self, sector: int, count: int) -> None:
        number = len(self.outputs)
        assert disk_view.view_zero(self.control, 0, number, sector * SECTOR, count * SECTOR) == 0
        self._made(sector * SECTOR, bytes(count * SECTOR))

    def _made(self, offset: int, data: bytes) -> None:
        self.outputs.append((offset, data))
        self.model[offset : offset + len(data)] = data

    def apply(self, count: int) -> None:
        """The sink catches up by `count` outputs."""
        for offset, data in self.outputs[self.applied : self.applied + count]:
            os.pwrite(self.file, data, offset)
        self.applied = min(self.applied + count, len(self.outputs))

    def forget(self) -> None:
        disk_view.forget_applied(self.control, 0, self.applied)


places = st.integers(0, SECTORS - 1).flatmap(
    lambda sector: st.tuples(st.just(sector), st.integers(1, min(BUFFER_SECTORS, SECTORS - sector)))
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("read"), places),
        st.tuples(st.just("write"), places),
        st.tuples(st.just("zero"), places),
        st.tuples(st.just("apply"), st.integers(1, 8)),
        st.tuples(st.just("forget"), st.none()),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(steps=steps)
def test_as_a_plain_disk(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any]]) -> None:
    seen = Seen(tmp_path_factory.mktemp("disk") / "d.img")
    for number, (what, arguments) in enumerate(steps):
        if what == "apply":
            seen.apply(arguments)
        elif what == "forget":
            seen.forget()
        elif what == "write":
            sector, count = arguments
            seen.write(sector, bytes([number + 1]) * (count * SECTOR))
        elif what == "zero":
            seen.zero(*arguments)
        else:
            sector, count = arguments
            begin = sector * SECTOR
            assert seen.read(sector, count) == seen.model[begin : begin + count * SECTOR]
    for sector in range(0, SECTORS, BUFFER_SECTORS):
        count = min(BUFFER_SECTORS, SECTORS - sector)
        begin = sector * SECTOR
        assert seen.read(sector, count) == seen.model[begin : begin + count * SECTOR], f"sector {sector}"
    os.close(seen.file)


def test_memory_of_what_the_file_has_is_given_back(tmp_path: Path) -> None:
    seen = Seen(tmp_path / "d.img")
    view = seen.disks.views[0]
    for sector in range(0, 800, 8):
        seen.write(sector, b"x" * 4096)
    assert int(view["written_blocks"]) == 100
    seen.apply(50)
    seen.forget()
    assert int(view["written_blocks"]) == 100  # the chunk's last write isn't in the file
    view["forget_above"] = 50
    seen.apply(50)
    seen.forget()
    assert int(view["written_blocks"]) == 0
    assert seen.read(0, 8) == b"x" * 4096
    os.close(seen.file)


def test_a_file_that_was_cut_off(tmp_path: Path) -> None:
    seen = Seen(tmp_path / "d.img")
    seen.write(8, b"y" * 4096)
    os.truncate(tmp_path / "d.img", 4096)
    address = seen.buffer.ctypes.data
    assert disk_view.view_read(seen.control, 0, 0, address, 2 * 4096) == 0
    assert disk_view.view_read(seen.control, 0, 4096, address, 2 * 4096) == disk_view.READ_FAILED
    assert disk_view.view_write(seen.control, 0, 1, 20 * SECTOR, address, SECTOR) == disk_view.READ_FAILED
    os.close(seen.file)


def test_a_disk_larger_than_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disks, "disk_bytes", lambda file: 1 << 60)
    path = tmp_path / "d.img"
    path.touch()
    with pytest.raises(GuestError, match="give a smaller one"):
        Disks((Disk(path=path, size_bytes=1 << 60),), np.zeros(1, CONTROL)[0])
