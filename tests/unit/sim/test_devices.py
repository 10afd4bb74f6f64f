from __future__ import annotations

from lockstep.ft.device_output import ALL_MADE, NOBODY, RingCounts
from lockstep.sim.devices import (
    BLOCKS,
    FLUSH,
    FLUSHED,
    RING_ENTRIES_MAX,
    WRITES_FAILED,
    OutputRing,
    ToyDevices,
    disk_entry,
    flushed_number,
)

WRITE_BITS, READ_BITS, FLUSH_BITS, FRAME_BITS = 0, 3, 6, 7


def running(file: list[int] | None = None) -> ToyDevices:
    devices = ToyDevices([0] * BLOCKS if file is None else file)
    devices.begin(OutputRing(), OutputRing())
    return devices


def test_a_ring_counts_from_reset_and_releases_by_position() -> None:
    ring = OutputRing()
    assert ring.counts.first is None
    ring.begin(5, [(10, 0, 1), (20, 0, 2)])
    ring.append((30, 0, 3))
    assert ring.counts == RingCounts(first=3, made=6, released=3, hold_for=NOBODY, hold=0)
    ring.released = 20
    assert ring.counts.released == 5
    ring.drop_below(4)
    ring.drop_below(2)
    assert [ring.output(number)[2] for number in (4, 5)] == [2, 3]
    ring.drop_below(ALL_MADE)
    assert ring.counts == RingCounts(first=3, made=6, released=6, hold_for=NOBODY, hold=0)


def test_a_machine_sees_what_it_wrote_until_that_is_in_the_file_and_then_the_file() -> None:
    file = [0] * BLOCKS
    devices = running(file)
    unread = devices.use(READ_BITS, 7 << 8, 1)
    devices.use(WRITE_BITS, 7 << 8, 2)
    seen = devices.use(READ_BITS, 7 << 8, 3)
    assert seen != unread
    file[0] = 7
    devices.disk_ring.applied = 1
    assert devices.use(READ_BITS, 7 << 8, 4) == seen
    file[0] = 8
    assert devices.use(READ_BITS, 7 << 8, 5) != seen, "the future"


def test_a_copy_has_the_view_of_the_fork_and_what_the_sink_may_lack() -> None:
    devices = running()
    devices.use(WRITE_BITS, 7 << 8, 1)
    devices.use(FRAME_BITS, 9 << 16, 2)
    devices.disk_ring.drop_below(1)
    devices.use(WRITE_BITS, 8 << 8, 3)
    copy = devices.copy()
    devices.use(WRITE_BITS, 9 << 8, 4)
    rings = OutputRing(), OutputRing()
    copy.begin(*rings)
    assert (rings[0].first, rings[0].made, list(rings[0].entries)) == (1, 2, [(3, 0, 8)])
    assert list(rings[1].entries) == [(2, 0, 9)]
    assert copy.overlay == {0: (1, 8)}


def test_a_flush_waits_until_the_sink_says_that_it_is_durable() -> None:
    devices = running()
    devices.use(WRITE_BITS, 1, 1)
    devices.use(FLUSH_BITS, 1, 2)
    devices.use(FLUSH_BITS, 1, 3)
    assert devices.disk_outputs == [(0, 0), (FLUSH, 0)], "one at a time"
    devices.disk_ring.durable = 1
    assert devices.due_entry() is None
    devices.disk_ring.durable = 2
    due = devices.due_entry()
    assert due == disk_entry(FLUSHED, 1)
    assert due is not None
    assert flushed_number(due) == 1
    devices.take_disk(due)
    assert devices.due_entry() is None


def test_a_disk_that_failed_is_told_of_before_a_flush_counts_as_durable() -> None:
    devices = running()
    devices.use(FLUSH_BITS, 1, 1)
    devices.disk_ring.is_failed, devices.disk_ring.durable = True, 1
    due = devices.due_entry()
    assert due == disk_entry(WRITES_FAILED, 1)
    assert due is not None
    assert flushed_number(due) is None
    devices.take_disk(due)
    assert devices.due_entry() is None
    assert devices.use(WRITE_BITS, 6, 2) == 7
    assert len(devices.disk_outputs) == 1


def test_it_stands_still_where_a_ring_is_full() -> None:
    for bits in (WRITE_BITS, FRAME_BITS):
        devices = running()
        for _ in range(RING_ENTRIES_MAX - 1):
            devices.use(bits, 1, 1)
            assert not devices.is_full
        devices.use(bits, 1, 1)
        assert devices.is_full
