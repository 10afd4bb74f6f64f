from __future__ import annotations

import contextlib
import io
import os

import numpy as np
import pytest
import trace_entries
from hypothesis import given
from trace_entries import DESCRIPTION, RESULT, batch_of, some_entries, trace_bytes

from lockstep.errors import TraceError
from lockstep.log.trace.frames import FILE_HEADER, TRAILER_BYTES
from lockstep.log.trace.reader import TraceReader
from lockstep.log.trace.writer import PIECE_BYTES, TraceWriter


def read_all(path):
    """Everything that a reader gives, compared as one value."""
    with TraceReader(path) as reader:
        reader.verify()
        entries = [
            entry
            for frame, columns in reader.batches()
            for entry in columns.entries(int(frame["first_ordinal"]))
        ]
        states = [(checkpoint, reader.checkpoint_body(checkpoint)) for checkpoint in reader.checkpoints]
        return reader.description, reader.content("guest"), entries, states, reader.end


def read_all_or_refuse(path):
    """`read_all`, or None if the trace is refused, in one line."""
    with contextlib.suppress(TraceError):
        return read_all(path)
    return None


def frame_ends(path) -> list[int]:
    with TraceReader(path) as reader:
        frames = reader.frames
        return [
            int(at + 64 + length)
            for at, length in zip(frames["offset"], frames["frame"]["length"], strict=True)
        ]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.lst"


@given(trace_entries.entries())
def test_what_was_written_is_read(tmp_path_factory, entries):
    path = tmp_path_factory.mktemp("trace") / "t.lst"
    path.write_bytes(trace_bytes(entries))
    description, content, found, states, end = read_all(path)
    assert (description, content, found, end) == (DESCRIPTION, b"guest", entries, RESULT)
    assert [body for _, body in states] == [
        b"state" * number for number in (0, 2) if 7 * number < len(entries)
    ]


def test_what_is_said_of_checkpoints(path):
    entries = some_entries(30)
    path.write_bytes(trace_bytes(entries))
    with TraceReader(path) as reader:
        first, second = reader.checkpoints
        assert (first.ordinal, first.position, first.icount) == (
            7,
            entries[6].position,
            entries[6].position // 2,
        )
        assert (second.ordinal, second.console_bytes, second.wall_ns) == (21, 2, 2000)
        assert reader.entries_count == 30
        assert reader.last_position == RESULT.position
        assert reader.content("kernel") is None


def test_entries_from_an_ordinal_on(path):
    entries = some_entries(30)
    path.write_bytes(trace_bytes(entries))
    with TraceReader(path) as reader:
        for first in (0, 6, 7, 8, 29, 30):
            found = [entry for _, columns in reader.batches(first) for entry in columns.entries()]
            assert [entry.position for entry in found] == [entry.position for entry in entries[first:]]


def test_index_and_scan_agree(path):
    whole = trace_bytes(some_entries(40))
    path.write_bytes(whole)
    with TraceReader(path) as reader:
        assert reader.has_index
        indexed = reader.frames
    path.write_bytes(whole[:-1])
    with TraceReader(path) as reader:
        assert not reader.has_index
        assert np.array_equal(reader.frames, indexed)
        assert reader.is_complete


def test_cut_at_any_byte_it_has_exactly_the_frames_that_are_whole(path):
    whole = trace_bytes(some_entries(25))
    path.write_bytes(whole)
    ends = frame_ends(path)
    description, content, entries, states, end = read_all(path)
    with path.open("r+b") as file:
        for size in reversed(range(len(whole))):
            os.ftruncate(file.fileno(), size)
            if size < ends[0]:
                with pytest.raises(TraceError):
                    TraceReader(path)
                continue
            with TraceReader(path) as reader:
                count = sum(frame_end <= size for frame_end in ends)
                assert len(reader.frames) == count
                assert reader.whole_bytes == (ends[count - 1] if size < len(whole) else size)
                assert reader.is_complete == (size >= ends[-1])
            found = read_all(path)
            assert found[0] == description
            assert found[1] == (content if size >= ends[2] else None)
            assert found[2] == entries[: len(found[2])]
            assert found[3] == states[: len(found[3])]
            assert found[4] == (end if size >= ends[-1] else None)


@pytest.mark.parametrize("ended", [True, False])
def test_any_byte_that_is_flipped_is_noticed(path, ended):
    whole = trace_bytes(some_entries(25), ended=ended)
    path.write_bytes(whole)
    before, last_start = read_all(path), frame_ends(path)[-2]
    with path.open("r+b", buffering=0) as file:
        for at in range(len(whole)):
            os.pwrite(file.fileno(), bytes([whole[at] ^ (1 << at % 8)]), at)
            found = read_all_or_refuse(path)
            if found is not None:
                # Of a trace that breaks off, nobody can tell a damaged last frame from one that wasn't written to
                # its end. Otherwise it was the index, which can be done without.
                is_of_last = not ended and at >= last_start
                assert is_of_last or at >= frame_ends(path)[-1]
                assert found[2] == before[2][: len(found[2])]
                assert is_of_last or found == before
            os.pwrite(file.fileno(), whole[at : at + 1], at)


def test_a_frame_that_is_missing_in_the_middle_is_noticed(path):
    whole = trace_bytes(some_entries(25), ended=False)
    path.write_bytes(whole)
    ends = frame_ends(path)
    path.write_bytes(whole[: ends[3]] + whole[ends[4] :])
    with pytest.raises(TraceError, match="lacks log entries"):
        TraceReader(path)


def test_a_tail_of_zeros_is_as_good_as_cut_off(path):
    whole = trace_bytes(some_entries(25), ended=False)
    path.write_bytes(whole + bytes(5000))
    with TraceReader(path) as reader:
        assert reader.whole_bytes == len(whole)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "isn't a trace"),
        (b"#!/bin/sh\n" * 10, "isn't a trace"),
        (FILE_HEADER.pack(b"LSTEPtrc", 7), "has format 7, this lockstep reads 2"),
        (FILE_HEADER.pack(b"LSTEPtrc", 2), "breaks off before"),
        (FILE_HEADER.pack(b"LSTEPtrc", 2) + b"\xf7LSf" * 100, "breaks off before"),
    ],
)
def test_what_is_no_trace_is_refused(path, content, said):
    path.write_bytes(content)
    with pytest.raises(TraceError, match=said):
        TraceReader(path)


def test_what_is_no_file_is_refused(path, tmp_path):
    with pytest.raises(TraceError, match="No such file"):
        TraceReader(path)
    with pytest.raises(TraceError, match="is a directory"):
        TraceReader(tmp_path)
    os.mkfifo(path)
    with pytest.raises(TraceError, match="not a regular file"):
        TraceReader(path)


def test_a_writer_takes_entries_in_order_only():
    writer = TraceWriter(io.BytesIO(), DESCRIPTION)
    batch = batch_of(some_entries(3))
    writer.entries(0, batch, 0)
    with pytest.raises(ValueError, match="entry 2 where entry 3 is next"):
        writer.entries(2, batch, 0)


class Disk(io.RawIOBase):
    """Takes a few bytes at a time, then is full."""

    def __init__(self, room: int) -> None:
        self.room, self.data = room, b""

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        taken = bytes(data[: min(7, self.room - len(self.data))])
        if not taken:
            raise OSError(28, "No space left on device")
        self.data += taken
        return len(taken)


def test_what_a_full_disk_has_taken_is_a_trace(path):
    disk = Disk(900)
    entries = some_entries(100)
    writer = TraceWriter(disk, DESCRIPTION)

    def write_all() -> None:
        for at in range(0, 100, 10):
            writer.entries(at, batch_of(entries[at : at + 10]), 0)

    with pytest.raises(OSError, match="No space left"):
        write_all()
    path.write_bytes(disk.data)
    _, _, found, _, _ = read_all(path)
    assert found
    assert found == entries[: len(found)]
    assert len(trace_bytes([])) > TRAILER_BYTES


def test_a_large_guest_goes_in_between_the_entries_and_is_whole_at_the_end(path):
    guest = os.urandom(3 * PIECE_BYTES + 5)
    file, entries = io.BytesIO(), some_entries(30)
    writer = TraceWriter(file, DESCRIPTION)
    writer.content("guest", guest)
    for at in (0, 10):
        writer.entries(at, batch_of(entries[at : at + 10]), 0)
    path.write_bytes(file.getvalue())
    description, content, found, _, _ = read_all(path)
    assert (description, content, found) == (DESCRIPTION, None, entries[:20])
    writer.close()
    path.write_bytes(file.getvalue())
    assert read_all(path)[1] == guest
