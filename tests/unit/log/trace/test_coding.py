from __future__ import annotations

import contextlib

import numpy as np
import pytest
import trace_entries
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lockstep.errors import LogError, TraceError
from lockstep.log.entry import CHECK, CLOCK, INPUT, Entry
from lockstep.log.shared import SharedRing
from lockstep.log.trace.coding import decode_entries, discard_entries, encode_columns, encode_entries
from lockstep.log.trace.columns import ColumnFeed, columns_of
from lockstep.log.trace.varints import BadVarintsError, Unpacker, pack, unzigzag, zigzag


@pytest.fixture
def ring():
    with SharedRing.create(1 << 14, 1, 1) as made:
        yield made


def put(ring: SharedRing, entries: list[Entry]) -> None:
    for entry in entries:
        assert ring.append(entry.kind, entry.position, entry.pc, entry.payload) is not None


@given(st.lists(trace_entries.INT64))
def test_words_come_back_from_varints(words):
    array = np.array(words, np.int64)
    unpacker = Unpacker(pack(array) + b"rest")
    assert unpacker.words(len(words)).tolist() == words
    assert unpacker.rest().tobytes() == b"rest"
    assert unzigzag(zigzag(array)).tolist() == words


@pytest.mark.parametrize(
    "damaged", [b"", b"\x80", b"\xff" * 9, b"\xff" * 9 + b"\x02", b"\x80" * 10 + b"\x01"]
)
def test_what_is_no_number_is_refused(damaged):
    with pytest.raises(BadVarintsError):
        Unpacker(damaged).words(1)


def test_more_numbers_than_bytes_are_refused_before_memory_is_taken():
    with pytest.raises(BadVarintsError):
        Unpacker(b"\x00").words(1 << 60)


@given(trace_entries.entries())
def test_entries_come_back(entries):
    columns = columns_of(entries)
    decoded = decode_entries(encode_columns(columns), len(entries))
    assert list(decoded.entries()) == entries


@given(trace_entries.entries(), st.data())
def test_a_part_of_columns_is_that_part(entries, data):
    first = data.draw(st.integers(0, len(entries)))
    end = data.draw(st.integers(first, len(entries)))
    assert list(columns_of(entries).part(first, end).entries(first)) == entries[first:end]


@given(trace_entries.entries(), st.binary(min_size=1, max_size=60), st.integers(0, 40))
def test_what_was_not_encoded_is_refused_or_decodes_to_as_many(entries, noise, count):
    for body in (noise, encode_columns(columns_of(entries))):
        with contextlib.suppress(TraceError):
            assert len(decode_entries(body, count)) == count


@given(trace_entries.entries(max_size=12), st.data())
def test_bytes_inside_that_were_changed_never_do_harm(entries, data):
    raw = bytearray(zstandard.ZstdDecompressor().decompress(encode_columns(columns_of(entries))))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    body = zstandard.ZstdCompressor().compress(bytes(raw))
    with contextlib.suppress(TraceError):
        assert len(decode_entries(body, len(entries))) == len(entries)


def test_a_ring_gives_what_is_stamped_below_a_position(ring):
    entries = trace_entries.some_entries(20)
    put(ring, entries)
    batch = encode_entries(ring, entries[11].position, 1000)
    assert batch is not None
    assert (batch.first_sequence, batch.count) == (0, 11)
    assert (batch.first_position, batch.last_position) == (entries[0].position, entries[10].position)
    assert list(decode_entries(batch.body, batch.count).entries()) == entries[:11]
    assert encode_entries(ring, entries[11].position) is None
    rest = encode_entries(ring, 1 << 60, 4)
    assert rest is not None
    assert (rest.first_sequence, rest.count) == (11, 4)
    assert ring.peek() == entries[15]


def test_a_ring_lets_entries_go_by_number(ring):
    entries = trace_entries.some_entries(9)
    put(ring, entries)
    assert discard_entries(ring, 5) == 5
    assert ring.peek() == entries[5]
    assert discard_entries(ring, 100) == 4
    assert encode_entries(ring, 1 << 60) is None


def test_all_of_a_full_ring_comes_out(ring):
    entries = []
    while ring.append(INPUT, 5, 6, bytes([len(entries)]) * 37) is not None:
        entries.append(Entry(INPUT, 5, len(entries), 6, bytes([len(entries)]) * 37))
    found = []
    while (batch := encode_entries(ring, 6)) is not None:
        found += decode_entries(batch.body, batch.count).entries(batch.first_sequence)
    assert found == entries


def test_an_entry_that_the_ring_refuses_is_an_error_after_those_before(ring):
    put(ring, trace_entries.some_entries(3))
    at = ring.peek()
    assert at is not None
    second = 4096 + 40  # the first one has no payload
    ring._mapping[second + 8] ^= 1
    batch = encode_entries(ring, 1 << 60)
    assert batch is not None
    assert batch.count == 1
    with pytest.raises(LogError):
        encode_entries(ring, 1 << 60)
    with pytest.raises(LogError):
        discard_entries(ring, 100)


@given(trace_entries.entries())
def test_columns_go_through_a_ring_that_is_too_small_for_them(entries):
    feed, found = ColumnFeed(columns_of(entries)), []
    with SharedRing.create(512, 1, 1) as ring:
        while not feed.is_done or ring.used():
            feed.put(ring)
            while (entry := ring.peek()) is not None:
                found.append(entry)
                ring.pop()
    assert found == entries


def test_an_entry_too_long_for_the_ring_is_an_error():
    with SharedRing.create(128, 1, 1) as ring, pytest.raises(LogError):
        ColumnFeed(columns_of([Entry(INPUT, 1, 0, 2, bytes(100))])).put(ring)


def test_a_clock_takes_few_bytes_and_a_check_its_digests():
    clocks, checks = [], []
    for number in range(1000):
        offset = (number * 1_234_567 + number * number).to_bytes(8, "little")
        clocks.append(Entry(CLOCK, number * 4_000_123, number, 0x8000_0000 + number % 50 * 4, offset))
        checks.append(
            Entry(CHECK, number * 4_000_123, number, 0x8000_0000, np.random.default_rng(number).bytes(176))
        )
    assert len(encode_columns(columns_of(clocks))) < 10 * len(clocks)
    assert len(encode_columns(columns_of(checks))) < (176 + 8) * len(checks)
