"""The disks' sink, as hosts with output rings see it: what is applied when, and what becomes of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lockstep.errors import GuestError
from lockstep.ft.sink import SinkGapError
from lockstep.host import disk_sink
from lockstep.host.disk_sink import DiskSink
from lockstep.host.sink_files import SinkFiles
from lockstep.log.layout import DURABLE, TROUBLE
from lockstep.log.numbered import NumberedRing
from lockstep.log.shared import SharedRing
from lockstep.machine.config import Disk
from lockstep.machine.output import DISCARD, FLUSH, WRITE, ZERO

BLOCK = 4096
BLOCKS = 64
LIMIT_S = 20.0


class Producer:
    """A host's side: it makes output at position after position."""

    def __init__(self, number: int, sink: DiskSink, *, begins: bool = True) -> None:
        self.number, self.sink = number, sink
        self.ring = NumberedRing(SharedRing.create(1 << 20, 1, number))
        self.position = 0
        self.woken = threading.Event()
        sink.add(number, self.ring, self.woken.set)
        if begins:
            self.ring.begin(0, [])

    def make(self, operation: int, block: int = 0, payload: bytes = b"", disk: int = 0) -> None:
        self.position += 10
        kind = 1 + operation + 8 * disk
        assert self.ring.ring.append(kind, self.position, block * BLOCK, payload) is not None

    def write(self, block: int, data: bytes) -> None:
        self.make(WRITE, block, data)

    def release(self) -> None:
        self.ring.ring.publish(self.position)
        self.sink.ring_bell()

    def word(self, at: int) -> int:
        return self.ring._word(at).value


class World:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(BLOCK * BLOCKS))
        self.lines: list[str] = []
        self.idle = threading.Condition()
        self.rounds = 0
        self.files = SinkFiles((Disk(path=path, size_bytes=BLOCK * BLOCKS),))
        self.sink = DiskSink(self.files, self.lines.append, self._is_idle)
        self.sink.start()

    def _is_idle(self) -> None:
        with self.idle:
            self.rounds += 1
            self.idle.notify_all()

    def settle(self) -> None:
        """Wait until the sink has looked at all that was there when this was called, and found nothing to do."""
        with self.idle:
            before = self.rounds
            self.sink.ring_bell()
            assert self.idle.wait_for(lambda: self.rounds > before + 1 or self._nudge(), LIMIT_S)

    def _nudge(self) -> bool:
        self.sink.ring_bell()
        return False

    def content(self, block: int) -> bytes:
        return self.path.read_bytes()[block * BLOCK : (block + 1) * BLOCK]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "d.img")
    yield made
    made.sink.close()


def filled(byte: str) -> bytes:
    return byte.encode() * BLOCK


def test_only_what_is_released_and_made_by_all(world: World) -> None:
    primary, secondary = Producer(1, world.sink), Producer(2, world.sink)
    world.sink.begin(1, 2)
    for block, byte in enumerate("abc"):
        primary.write(block, filled(byte))
    secondary.write(0, filled("a"))
    world.settle()
    assert world.sink.taken == 0
    primary.release()
    world.settle()
    assert (world.sink.taken, world.content(0), world.content(1)) == (1, filled("a"), bytes(BLOCK))
    secondary.write(1, filled("b"))
    world.settle()
    assert (world.sink.taken, world.content(1)) == (2, filled("b"))
    assert not world.sink.is_drained
    world.sink.let_go(2)
    world.settle()
    assert (world.sink.taken, world.content(2), world.sink.is_drained) == (3, filled("c"), True)
    assert primary.ring.applied == 3


def test_a_survivor_goes_on_where_the_files_are(world: World) -> None:
    primary, secondary = Producer(1, world.sink), Producer(2, world.sink)
    world.sink.begin(1, 2)
    for host in (primary, secondary):
        host.write(0, filled("a"))
        host.write(0, filled("b"))
    primary.release()
    world.settle()
    primary.write(1, filled("x"))  # the survivor never does this
    secondary.write(1, filled("c"))
    world.sink.fence(2, 2)
    primary.release()
    world.settle()
    assert world.content(1) == bytes(BLOCK)
    secondary.release()
    world.settle()
    assert (world.content(0), world.content(1)) == (filled("b"), filled("c"))
    assert world.sink.taken == 3


def test_a_copy_that_has_not_begun_holds_back_what_came_after_it(world: World) -> None:
    primary = Producer(1, world.sink)
    world.sink.begin(1)
    primary.write(0, filled("a"))
    primary.release()
    world.settle()
    clone = Producer(2, world.sink, begins=False)
    world.sink.follow(2)
    primary.write(1, filled("b"))
    primary.ring.hold_from(2, 2)
    retained = primary.ring.ring.waiting()
    primary.write(2, filled("c"))
    primary.release()
    world.settle()
    assert (world.sink.taken, world.content(2)) == (2, bytes(BLOCK))
    clone.ring.begin(2 - len(retained), retained)
    world.settle()
    assert world.sink.taken == 2
    clone.position = primary.position - 10
    clone.write(2, filled("c"))
    world.settle()
    assert (world.sink.taken, world.content(2)) == (3, filled("c"))
    assert clone.ring.ring.waiting() == []


def test_what_a_copy_brings_along_is_dropped_where_it_was_taken_meanwhile(world: World) -> None:
    """With nothing more to take: it would find no room for what it makes, and its primary waits for it."""
    primary = Producer(1, world.sink)
    world.sink.begin(1)
    primary.write(0, filled("a"))
    retained = primary.ring.ring.waiting()
    primary.release()
    world.settle()
    copy = Producer(2, world.sink, begins=False)
    world.sink.follow(2)
    copy.ring.begin(0, retained)
    assert copy.ring.ring.used() > 0
    world.settle()
    assert (world.sink.taken, copy.ring.ring.used()) == (1, 0)


def test_a_flush_is_durable_after_what_came_before(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    primary = Producer(1, world.sink)
    world.sink.begin(1)
    flushed: list[bytes] = []

    def flush(disk: int) -> None:
        flushed.append(world.content(3))

    monkeypatch.setattr(world.files, "flush", flush)
    primary.write(3, filled("f"))
    primary.make(FLUSH)
    primary.write(3, filled("g"))
    assert primary.word(DURABLE) == 0
    primary.release()
    assert primary.woken.wait(LIMIT_S)
    world.settle()
    assert (flushed, primary.word(DURABLE), world.sink.taken) == ([filled("f")], 2, 3)


def test_zeros_and_discards(world: World) -> None:
    primary = Producer(1, world.sink)
    world.sink.begin(1)
    for block in range(4):
        primary.write(block, filled("z"))
    primary.make(ZERO, 1, (BLOCK + 512).to_bytes(8, "little"))
    primary.make(DISCARD, 3, BLOCK.to_bytes(8, "little"))
    primary.release()
    world.settle()
    image = world.path.read_bytes()
    assert image[:BLOCK] == filled("z")
    assert image[BLOCK : 2 * BLOCK + 512] == bytes(BLOCK + 512)
    assert image[2 * BLOCK + 512 : 3 * BLOCK] == b"z" * (BLOCK - 512)
    assert image[3 * BLOCK :] == bytes(len(image) - 3 * BLOCK)


def test_a_disk_that_fails_stays_as_it_was(world: World) -> None:
    primary = Producer(1, world.sink)
    world.sink.begin(1)
    primary.write(0, filled("a"))
    primary.release()
    world.settle()
    os.close(int(world.files.files[0]))
    world.files.files[0] = os.open(world.path, os.O_RDONLY)
    primary.write(0, filled("b"))
    primary.make(FLUSH)
    primary.write(1, filled("c"))
    primary.release()
    assert primary.woken.wait(LIMIT_S)
    world.settle()
    assert (world.content(0), world.content(1)) == (filled("a"), bytes(BLOCK))
    assert (world.sink.taken, primary.ring.applied, primary.word(TROUBLE), primary.word(DURABLE)) == (
        4,
        1,
        1,
        3,
    )
    (line,) = world.lines
    assert "takes no more (Bad file descriptor)" in line
    assert str(world.path) in line


class Hanging:
    """In a file's place: a call that hangs until it is let go."""

    def __init__(self, call: Callable[..., int]) -> None:
        self._call = call
        self.hangs, self.goes_on = threading.Event(), threading.Event()

    def __call__(self, *arguments: Any) -> int:
        self.hangs.set()
        assert self.goes_on.wait(LIMIT_S)
        return self._call(*arguments)


def test_a_slow_file_holds_nobody_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Roles change and hosts leave while it is written; what is written counts for the survivor."""
    primary, secondary = Producer(1, world.sink), Producer(2, world.sink)
    hanging = Hanging(world.files.write_entries)
    monkeypatch.setattr(world.files, "write_entries", hanging)
    world.sink.begin(1, 2)
    for host in (primary, secondary):
        host.write(0, filled("a"))
        host.write(0, filled("b"))
    primary.release()
    assert hanging.hangs.wait(LIMIT_S)
    world.sink.fence(2, 2)
    world.sink.remove(1)
    assert (world.sink.uses(1), world.sink.uses(2), world.sink.is_drained) == (True, False, False)
    hanging.goes_on.set()
    world.settle()
    assert (world.sink.uses(1), world.sink.taken, secondary.ring.ring.used()) == (False, 2, 0)
    secondary.write(1, filled("c"))
    secondary.release()
    world.settle()
    assert (world.content(0), world.content(1)) == (filled("b"), filled("c"))


def test_a_file_that_hangs_does_not_keep_a_run_from_ending(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_sink, "CLOSE_LIMIT_S", 0.01)
    primary = Producer(1, world.sink)
    hanging = Hanging(lambda disk: 0)
    monkeypatch.setattr(world.files, "flush", hanging)
    world.sink.begin(1)
    primary.make(FLUSH)
    primary.release()
    assert hanging.hangs.wait(LIMIT_S)
    world.sink.close()
    assert world.sink.is_alive()
    assert world.sink.uses(1)
    hanging.goes_on.set()
    world.sink.join(LIMIT_S)


def test_a_survivor_that_lacks_something_is_an_error(world: World) -> None:
    primary, secondary = Producer(1, world.sink), Producer(2, world.sink)
    world.sink.begin(1, 2)
    primary.write(0, filled("a"))
    secondary.write(0, filled("a"))
    primary.release()
    world.settle()
    late = Producer(3, world.sink)  # it begins at number 0, and has made nothing
    world.sink.follow(3)
    world.sink.ring_bell()
    world.sink.join(LIMIT_S)
    assert isinstance(world.sink.failure, SinkGapError)
    assert late.ring.made == 0


def test_a_file_belongs_to_one_run(tmp_path: Path) -> None:
    path = tmp_path / "d.img"
    path.write_bytes(bytes(BLOCK))
    disk = Disk(path=path, size_bytes=BLOCK)
    reader = Disk(path=path, size_bytes=BLOCK, read_only=True)
    files = SinkFiles((disk,))
    for other in (disk, reader):
        with pytest.raises(GuestError, match="in use by another run"):
            SinkFiles((other,))
    files.close()
    readers = [SinkFiles((reader,)) for _ in range(2)]
    with pytest.raises(GuestError, match="in use by another run"):
        SinkFiles((disk,))
    for one in readers:
        one.close()
