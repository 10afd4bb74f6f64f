"""Machines with a disk under verification: each writes to a view of its own, and nobody to the file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from disk_images import make_disk, records_on

from lockstep.machine.config import Clock
from lockstep.machine.soft_error import parse_soft_error
from lockstep.verify.pair import VerifyOptions, run_verify

CLOCKS: tuple[Clock, ...] = ("virtual", "host")


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("clock", CLOCKS)
def test_equal_to_the_end_and_the_file_stays_as_it_is(tmp_path: Path, clock: Clock) -> None:
    disk = make_disk(tmp_path / "d.img")
    before = digest_of(disk.path)
    console = bytearray()
    options = VerifyOptions(every=500_000, write_console=console.extend)
    result = run_verify(records_on(disk, "records=150", clock), options)
    assert (result.outcome, result.exit_code, result.divergence) == ("poweroff", 0, None), result
    assert b"records: 150 written, 150 read, 0 failed" in console
    assert result.checks is not None
    assert result.checks["compared"] > 4
    assert result.log is not None
    assert result.log["kinds"].get("disk", 0) == (5 if clock == "host" else 0)
    assert digest_of(disk.path) == before


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_difference_is_found_where_it_struck(tmp_path: Path, clock: Clock) -> None:
    config = records_on(make_disk(tmp_path / "d.img"), "records=150", clock)
    error = parse_soft_error("x9@3M:3")
    result = run_verify(config, VerifyOptions(every=700_000, errors=(error,)))
    assert result.divergence is not None
    assert result.divergence["icount"] == error.icount
