"""Disks from a run's start to its replay: through the trace, or by their hash."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from trace_entries import batch_of, some_entries

from lockstep.errors import TraceError, UsageError
from lockstep.host.options import OpenTrace, RunOptions, TraceOptions
from lockstep.host.recorded_guest import recorded_config
from lockstep.host.trace_file import TraceFile
from lockstep.log.trace.reader import TraceReader
from lockstep.machine.config import Disk, MachineConfig

SIZE_BYTES = 5 << 20
GUEST = b"\x73\x00\x50\x10" * 4


def make_disk(path: Path, fill: bytes) -> Disk:
    with path.open("wb") as file:
        file.truncate(SIZE_BYTES)
        os.pwrite(file.fileno(), fill * 1000, 3 << 20)
    return Disk(path=path, size_bytes=SIZE_BYTES)


@pytest.fixture
def disks(tmp_path: Path) -> tuple[Disk, ...]:
    first, second = make_disk(tmp_path / "a.img", b"a"), make_disk(tmp_path / "b.img", b"b")
    return first, Disk(path=second.path, size_bytes=SIZE_BYTES, read_only=True)


def trace_run(directory: Path, disks: tuple[Disk, ...], *, keeps_guest: bool) -> Path:
    """The trace of a run that writes all over its first disk as soon as it can."""
    path = directory / "t.lst"
    options = TraceOptions(path, keeps_guest=keeps_guest)
    trace = OpenTrace(options, path.open("wb"), "guest", "00" * 32)
    config = MachineConfig(guest=GUEST, guest_name="guest", disks=disks)
    file = TraceFile(trace, config, RunOptions(), 10**18)
    disks[0].path.write_bytes(b"!" * SIZE_BYTES)
    file.entries(0, batch_of(some_entries(3)), 1000)
    file.close()
    assert file.trouble is None
    return path


def contents(config: MachineConfig) -> list[bytes]:
    return [disk.path.read_bytes() for disk in config.disks]


def test_the_trace_has_what_was_there_before_the_run(tmp_path: Path, disks: tuple[Disk, ...]) -> None:
    before = [disk.path.read_bytes() for disk in disks]
    path = trace_run(tmp_path, disks, keeps_guest=True)
    assert path.stat().st_size < 100_000
    disks[1].path.unlink()
    with TraceReader(path) as trace:
        config = recorded_config(trace)
        assert contents(config) == before
        assert [(disk.size_bytes, disk.read_only) for disk in config.disks] == [
            (SIZE_BYTES, False),
            (SIZE_BYTES, True),
        ]
        with pytest.raises(UsageError, match="itself has what is on its disks"):
            recorded_config(trace, {"disk0": disks[0].path})


def test_a_hash_wants_a_copy_from_before_the_run(tmp_path: Path, disks: tuple[Disk, ...]) -> None:
    before = [disk.path.read_bytes() for disk in disks]
    copy = tmp_path / "copy.img"
    copy.write_bytes(before[0])
    path = trace_run(tmp_path, disks, keeps_guest=False)
    (tmp_path / "guest").write_bytes(GUEST)
    guest = {"guest": tmp_path / "guest"}
    with TraceReader(path) as trace:
        with pytest.raises(TraceError, match=r"a\.img isn't as disk 0 was before the run"):
            recorded_config(trace, guest)
        config = recorded_config(trace, guest | {"disk0": copy})
        assert contents(config) == before
        with pytest.raises(TraceError, match="isn't as disk 1 was"):
            recorded_config(trace, guest | {"disk0": copy, "disk1": copy})
        with pytest.raises(TraceError, match=r"No such file.* as --disk FILE"):
            recorded_config(trace, guest | {"disk0": tmp_path / "nowhere"})
        with pytest.raises(UsageError, match="more often than the run had disks, 2"):
            recorded_config(trace, guest | {"disk2": copy})


def test_a_trace_that_breaks_off_within_its_disks(tmp_path: Path, disks: tuple[Disk, ...]) -> None:
    path = trace_run(tmp_path, disks, keeps_guest=True)
    (tmp_path / "guest").write_bytes(GUEST)
    with TraceReader(path) as trace:
        places = [int(frame["offset"]) for frame in trace.frames if frame["frame"]["kind"] == 2]
    for number, place in enumerate(places[1:4]):
        cut = tmp_path / f"cut{number}.lst"
        cut.write_bytes(path.read_bytes()[:place])
        with (
            TraceReader(cut) as trace,
            pytest.raises(TraceError, match="breaks off within its disks"),
        ):
            recorded_config(trace, {"guest": tmp_path / "guest"})
