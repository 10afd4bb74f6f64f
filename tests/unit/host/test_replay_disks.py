"""Recorded runs with a disk, run again from their start and from every checkpoint."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from disk_images import make_disk, records_on
from trace_files import record

from lockstep.errors import TraceError
from lockstep.host.replay import Replayer
from lockstep.log.entry import DISK
from lockstep.log.trace.reader import TraceReader
from lockstep.machine.config import Clock


@pytest.mark.parametrize("clock", ["virtual", "host"])
def test_the_same_run_again_from_anywhere(tmp_path: Path, clock: Clock) -> None:
    disk = make_disk(tmp_path / "d.img")
    path = tmp_path / "t.lst"
    # The guest stands still often enough for some of the checkpoints.
    recorded = record(path, records_on(disk, "records=1000", clock), checkpoint_positions=2_000_000)
    assert b"records: 1000 written, 1000 read, 0 failed" in recorded.console
    disk.path.write_bytes(b"!" * disk.size_bytes)  # what a run leaves there is nothing to a replay
    with TraceReader(path) as trace:
        flushed = sum(int((columns.kinds == DISK).sum()) for _, columns in trace.batches())
        assert flushed == (1000 // 32 + 1 if clock == "host" else 0)
        starts = [0, *(checkpoint.icount for checkpoint in trace.checkpoints)]
        assert len(starts) > 2
        for start in starts:
            replayer = Replayer(trace, from_icount=start)
            assert replayer.run_until()
            assert replayer.machine.icount == recorded.end.icount
            assert replayer.machine.digest() == recorded.end.digest, f"from {start}"
            replayer.close()
    assert disk.path.read_bytes() == b"!" * disk.size_bytes


def test_a_disk_that_cant_be_read_any_more_ends_the_replay(tmp_path: Path) -> None:
    """The recorded machine could read it: this is no error of the guest's, and no divergence."""
    path = tmp_path / "t.lst"
    record(path, records_on(make_disk(tmp_path / "d.img"), "records=50"))
    with TraceReader(path) as trace:
        replayer = Replayer(trace)
        file = int(replayer.machine.wires.disks.views[0]["file"])
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), file)
        with pytest.raises(TraceError, match="can't be read any more"):
            replayer.run_until()
        replayer.close()
