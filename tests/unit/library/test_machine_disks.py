"""A script's machine with a disk: a view of its own, that is kept, copied and put back like all else of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from disk_images import make_disk

from lockstep import Machine
from lockstep.errors import GuestError, UsageError

RECORDS = "records=100"
HALF = 3_000_000


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return make_disk(tmp_path / "d.img").path


def ended(machine: Machine) -> tuple[int, str]:
    assert machine.run() == "poweroff"
    assert b"100 written, 100 read, 0 failed" in machine.console
    return machine.icount, machine.digest()


def test_the_file_stays_as_it_is_and_every_run_is_the_same(image: Path) -> None:
    before = hashlib.sha256(image.read_bytes()).hexdigest()
    first = ended(Machine("records", append=RECORDS, disks=[image]))
    second = ended(Machine("records", append=RECORDS, disks=[str(image)]))
    assert first == second
    assert hashlib.sha256(image.read_bytes()).hexdigest() == before


def test_it_goes_on_from_anywhere(image: Path, tmp_path: Path) -> None:
    machine = Machine("records", append=RECORDS, disks=[image])
    machine.run(max_icount=HALF)
    snapshot = machine.snapshot()
    assert sum(len(content) for _, _, content in snapshot.disks) > 0
    machine.save(tmp_path / "m.state")
    copy = machine.copy()
    end = ended(machine)
    machine.restore(snapshot)
    assert machine.icount == HALF
    assert ended(machine) == end
    assert ended(copy) == end
    image.unlink()
    assert ended(Machine.load(tmp_path / "m.state")) == end


def test_a_machine_without_the_disk_takes_no_snapshot_of_one_with_it(image: Path) -> None:
    machine = Machine("records", append=RECORDS, disks=[image])
    with pytest.raises(UsageError, match="other disks"):
        Machine("records", append=RECORDS).restore(machine.snapshot())


def test_by_the_hosts_clock(image: Path) -> None:
    machine = Machine("records", append=RECORDS, disks=[image], clock="host")
    assert machine.run(timeout_s=60) == "poweroff"
    assert b"100 written, 100 read, 0 failed" in machine.console


def test_read_only(image: Path) -> None:
    machine = Machine("records", append=RECORDS, disks=[f"{image},ro"])
    machine.run()
    assert b"0 failed" not in machine.console


def test_what_is_no_disk(tmp_path: Path) -> None:
    with pytest.raises(GuestError, match="doesn't exist"):
        Machine("records", disks=[tmp_path / "none.img"])
