"""What one side of the ring promises to the other, step by step in one process."""

from __future__ import annotations

import ctypes

import pytest
from ring_entries import read_entries

from lockstep.log import errors
from lockstep.log.entry import CLOCK, INPUT, Entry
from lockstep.log.layout import CAPACITY, CAPACITY_BYTES_MIN, ENTRY_SIZE, HEADER_SIZE, MAGIC, TAIL, VERSION
from lockstep.log.ring import (
    ring_acknowledge,
    ring_acknowledged,
    ring_append,
    ring_check,
    ring_consumer_beat,
    ring_consumer_beats,
    ring_create,
    ring_generation,
    ring_horizon,
    ring_payload_length_max,
    ring_peek,
    ring_pop,
    ring_producer_beat,
    ring_producer_beats,
    ring_publish,
    ring_seal,
    ring_sealed,
    ring_secondary,
    ring_used,
)
from lockstep.log.words import store_word

CAPACITY_BYTES = 256


class Block:
    """A ring in ordinary memory."""

    def __init__(self, capacity_bytes: int = CAPACITY_BYTES) -> None:
        self.buffer = (ctypes.c_int64 * ((HEADER_SIZE + capacity_bytes) // 8))()
        ctypes.memset(self.buffer, 0xA5, ctypes.sizeof(self.buffer))
        self.base = ctypes.addressof(self.buffer)
        assert ring_create(self.base, capacity_bytes, 7, 3) == 0

    def append(self, payload: bytes = b"", position: int = 0, kind: int = INPUT, pc: int = 0) -> int:
        address = ctypes.cast(ctypes.c_char_p(payload), ctypes.c_void_p).value
        return int(ring_append(self.base, kind, position, pc, address, len(payload)))


@pytest.fixture
def block() -> Block:
    return Block()


def test_an_entry_comes_out_as_it_went_in(block: Block) -> None:
    assert block.append(b"hello", position=12, kind=CLOCK, pc=-5) == 0
    assert read_entries(block.base) == [Entry(CLOCK, 12, 0, -5, b"hello")]


def test_a_new_ring_knows_whose_it_is_and_holds_nothing(block: Block) -> None:
    assert ring_check(block.base) == 0
    assert (ring_generation(block.base), ring_secondary(block.base)) == (7, 3)
    assert ring_peek(block.base) == 0
    assert ring_used(block.base) == 0
    assert ring_horizon(block.base) == 0
    assert not ring_sealed(block.base)


@pytest.mark.parametrize("capacity", [0, -256, 64, 192, 255, CAPACITY_BYTES_MIN + 8, 1 << 33])
def test_a_capacity_that_is_no_power_of_two_in_range_is_refused(capacity: int) -> None:
    block = Block()
    assert ring_create(block.base, capacity, 0, 0) == errors.BAD_CAPACITY


def test_a_full_ring_takes_no_more_and_drops_nothing(block: Block) -> None:
    sequences = []
    while (sequence := block.append(b"12345678")) >= 0:
        sequences.append(sequence)
    assert sequence == errors.FULL
    assert sequences == list(range(CAPACITY_BYTES // (ENTRY_SIZE + 8)))
    used = ring_used(block.base)
    assert block.append(b"12345678") == errors.FULL
    assert ring_used(block.base) == used
    assert ring_peek(block.base) > 0
    assert ring_pop(block.base) == 0
    assert block.append(b"12345678") in (errors.FULL, len(sequences))
    assert [entry.sequence for entry in read_entries(block.base)][: len(sequences) - 1] == sequences[1:]


def test_entries_fill_the_ring_to_its_last_byte() -> None:
    block = Block(256)
    for _ in range(4):
        assert block.append(bytes(24)) >= 0
    assert ring_used(block.base) == 256
    assert block.append() == errors.FULL
    assert len(read_entries(block.base)) == 4
    assert block.append(bytes(24)) == 4
    assert len(read_entries(block.base)) == 1


def test_the_longest_payload_fits_wherever_the_ring_stands() -> None:
    for used in range(0, 24 + 1, 8):
        block = Block()
        longest = ring_payload_length_max(CAPACITY_BYTES)
        for lap in range(20):
            assert block.append(bytes(used)) == 2 * lap
            assert len(read_entries(block.base)) == 1
            assert block.append(b"x" * longest) == 2 * lap + 1
            assert read_entries(block.base)[0].payload == b"x" * longest


@pytest.mark.parametrize("length", [ring_payload_length_max(CAPACITY_BYTES) + 1, 1 << 40, -1, -8, -(1 << 63)])
def test_a_payload_that_can_never_fit_is_refused(block: Block, length: int) -> None:
    assert ring_append(block.base, INPUT, 0, 0, block.base, length) == errors.TOO_LARGE
    assert ring_used(block.base) == 0


@pytest.mark.parametrize("kind", [0, -1, 0x8000, 1 << 40])
def test_a_kind_that_does_not_fit_its_field_is_refused(block: Block, kind: int) -> None:
    assert block.append(kind=kind) == errors.BAD_KIND


def test_the_producer_may_not_append_in_the_past(block: Block) -> None:
    assert block.append(position=10) == 0
    assert block.append(position=9) == errors.IN_PAST
    assert block.append(position=10) == 1
    assert [entry.position for entry in read_entries(block.base)] == [10, 10]
    assert block.append(position=9) == errors.IN_PAST


def test_a_peeked_entry_stays_until_it_is_popped_once(block: Block) -> None:
    block.append(b"a")
    block.append(b"b")
    first = ring_peek(block.base)
    assert ring_peek(block.base) == first
    assert ring_pop(block.base) == 0
    assert ring_pop(block.base) == errors.NOT_PEEKED
    assert ring_peek(block.base) == first + ENTRY_SIZE + 8


def test_horizon_and_acknowledgement_only_rise(block: Block) -> None:
    for value, expected in ((5, 5), (3, 5), (9, 9)):
        ring_publish(block.base, value)
        ring_acknowledge(block.base, value + 100)
        assert ring_horizon(block.base) == expected
        assert ring_acknowledged(block.base) == expected + 100


def test_heartbeats_count_each_side_alone(block: Block) -> None:
    ring_producer_beat(block.base)
    ring_producer_beat(block.base)
    ring_consumer_beat(block.base)
    assert ring_producer_beats(block.base) == 2
    assert ring_consumer_beats(block.base) == 1


def test_a_consumer_that_read_the_horizon_first_sees_all_entries_below_it(block: Block) -> None:
    """Rule 1, at its narrowest: the producer appends and publishes between the consumer's two reads."""
    horizon = ring_horizon(block.base)
    block.append(position=4)
    ring_publish(block.base, 5)
    seen = read_entries(block.base)
    assert horizon == 0
    assert [entry.position for entry in seen] == [4]

    seen = read_entries(block.base)
    block.append(position=8)
    ring_publish(block.base, 9)
    assert ring_horizon(block.base) == 9
    assert seen == [], (
        "reading in the wrong order misses an entry below the horizon: that is what rule 1 is for"
    )


def test_a_sealed_ring_yields_what_was_there_and_takes_no_more(block: Block) -> None:
    block.append(b"kept", position=1)
    ring_publish(block.base, 2)
    cut = ring_seal(block.base)
    assert ring_sealed(block.base)
    assert block.append(b"late", position=3) == errors.SEALED
    ring_publish(block.base, 100)
    assert ring_horizon(block.base) == 2, "a horizon published after the cut would promise entries behind it"
    assert ring_seal(block.base) == cut
    assert [entry.payload for entry in read_entries(block.base)] == [b"kept"]
    assert ring_peek(block.base) == 0


def test_an_entry_in_flight_while_the_log_is_cut_stays_unseen(block: Block) -> None:
    """The producer passed its look at the seal, then the consumer cut, then the producer's tail arrived."""
    block.append(b"kept", position=1)
    tail_before = int(block.buffer[TAIL // 8])
    block.append(b"late", position=2)
    tail_after = int(block.buffer[TAIL // 8])
    block.buffer[TAIL // 8] = tail_before
    assert ring_seal(block.base) == tail_before
    block.buffer[TAIL // 8] = tail_after
    assert [entry.payload for entry in read_entries(block.base)] == [b"kept"]


def test_sealing_an_empty_ring_cuts_it_too(block: Block) -> None:
    assert ring_seal(block.base) == 0
    assert ring_sealed(block.base)
    assert block.append() == errors.SEALED


@pytest.mark.parametrize(
    ("offset", "value", "code"),
    [
        (MAGIC, 0, errors.FOREIGN_MAGIC),
        (VERSION, 2, errors.FOREIGN_VERSION),
        (CAPACITY, 96, errors.BAD_HEADER),
        (CAPACITY, -CAPACITY_BYTES, errors.BAD_HEADER),
        (TAIL, -8, errors.BAD_HEADER),
        (TAIL, 4, errors.BAD_HEADER),
        (TAIL, CAPACITY_BYTES + 8, errors.BAD_HEADER),
    ],
)
def test_a_foreign_or_damaged_header_is_refused(block: Block, offset: int, value: int, code: int) -> None:
    store_word(block.base + offset, value)
    assert ring_check(block.base) == code


@pytest.mark.parametrize("tail", [-8, 4, CAPACITY_BYTES + 8])
def test_the_consumer_refuses_a_tail_that_makes_no_sense(block: Block, tail: int) -> None:
    store_word(block.base + TAIL, tail)
    assert ring_peek(block.base) == errors.BAD_HEADER
