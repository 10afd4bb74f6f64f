"""A ring as an object: made, attached to, refused, closed, and gone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lockstep.log import errors
from lockstep.log.entry import CLOCK, INPUT, Entry
from lockstep.log.layout import CAPACITY, HEADER_SIZE, MAGIC, VERSION, block_size
from lockstep.log.shared import SharedRing
from lockstep.log.words import load_word, store_word


def test_two_mappings_are_one_ring() -> None:
    with SharedRing.create(4096, 2, 9) as producer, SharedRing.attach(os.dup(producer.fd), 2, 9) as consumer:
        assert producer.base != consumer.base
        assert producer.append(CLOCK, 5, 1, b"tick") == 0
        producer.publish(6)
        assert consumer.horizon() == 6
        assert consumer.peek() == Entry(CLOCK, 5, 0, 1, b"tick")
        consumer.pop()
        assert consumer.peek() is None
        consumer.acknowledge(6)
        assert producer.acknowledged() == 6
        assert producer.used() == 0
        assert (consumer.capacity_bytes, consumer.size_bytes) == (4096, block_size(4096))
        consumer.seal()
        assert producer.sealed()
        with pytest.raises(errors.SealedLogError):
            producer.append(INPUT, 7, 0)


def test_a_full_ring_says_none() -> None:
    with SharedRing.create(128, 0, 0) as ring:
        while ring.append(INPUT, 0, 0) is not None:
            pass
        assert ring.used() == 120


@pytest.mark.parametrize(
    ("offset", "value", "error"),
    [(MAGIC, 1, errors.ForeignMagicError), (VERSION, 99, errors.ForeignVersionError)],
)
def test_a_foreign_block_is_refused(offset: int, value: int, error: type[Exception]) -> None:
    with SharedRing.create(4096, 1, 1) as ring:
        store_word(ring.base + offset, value)
        with pytest.raises(error):
            SharedRing.attach(ring.fd, 1, 1)


@pytest.mark.parametrize(("generation", "secondary"), [(2, 1), (1, 2)])
def test_a_ring_of_another_pair_is_refused(generation: int, secondary: int) -> None:
    with SharedRing.create(4096, 1, 1) as ring, pytest.raises(errors.ForeignRingError):
        SharedRing.attach(ring.fd, generation, secondary)


def test_memory_that_is_no_ring_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"", b"LSTEPlog", bytes(HEADER_SIZE + 4096)):
        path.write_bytes(content)
        with path.open("r+b") as file, pytest.raises(errors.ForeignMagicError):
            SharedRing.attach(file.fileno(), 0, 0)
    for size in (0, HEADER_SIZE + 4096):
        fd = os.memfd_create("not-a-ring", os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, size)
        with pytest.raises(errors.ForeignMagicError):
            SharedRing.attach(fd, 0, 0)
        os.close(fd)


def test_a_ring_that_claims_more_than_its_memory_is_refused() -> None:
    with SharedRing.create(4096, 1, 1) as ring:
        store_word(ring.base + CAPACITY, 8192)
        with pytest.raises(errors.DamagedHeaderError):
            SharedRing.attach(ring.fd, 1, 1)


def test_the_memory_can_not_be_shrunk_under_its_readers() -> None:
    with SharedRing.create(4096, 1, 1) as ring, pytest.raises(PermissionError):
        os.ftruncate(ring.fd, 0)


@pytest.mark.parametrize("capacity", [0, 96, 127, 4095, 1 << 40])
def test_a_bad_capacity_is_refused_and_leaves_no_descriptor(capacity: int) -> None:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(errors.BadCapacityError):
        SharedRing.create(capacity, 0, 0)
    assert os.listdir("/proc/self/fd") == before


def test_closing_leaves_nothing_behind() -> None:
    def traces() -> tuple[int, int, list[str]]:
        maps = Path("/proc/self/maps").read_text().count("memfd:lockstep-log")
        return maps, len(os.listdir("/proc/self/fd")), sorted(os.listdir("/dev/shm"))

    before = traces()
    ring = SharedRing.create(1 << 20, 0, 0)
    assert traces()[:2] == (before[0] + 1, before[1] + 2), "a mapping, its descriptor and Python's copy of it"
    ring.append(INPUT, 0, 0)
    ring.close()
    ring.close()
    assert ring.base == 0
    assert traces() == before


def test_only_touched_pages_cost_memory() -> None:
    with SharedRing.create(1 << 26, 0, 0) as ring:
        ring.append(INPUT, 0, 0, b"x")
        assert os.fstat(ring.fd).st_blocks * 512 <= 64 * 1024
        assert load_word(ring.base + MAGIC) != 0
