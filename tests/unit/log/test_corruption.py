"""Whatever is damaged in a stored entry, the consumer refuses it by name and never goes past it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from ring_entries import read_entries

from lockstep.log import errors
from lockstep.log.checksum import entry_checksum
from lockstep.log.entry import CHECK, INPUT
from lockstep.log.layout import (
    CACHED_TAIL,
    ENTRY_CHECKSUM,
    ENTRY_PC,
    ENTRY_POSITION,
    ENTRY_SEQUENCE,
    ENTRY_SIZE,
    HEADER_SIZE,
    TAIL,
)
from lockstep.log.ring import ring_peek, ring_pop
from lockstep.log.shared import SharedRing
from lockstep.log.words import load_word, store_word

CAPACITY_BYTES = 512
REFUSALS = {errors.BAD_LENGTH, errors.TORN, errors.CORRUPTED}


@pytest.fixture
def ring() -> Iterator[SharedRing]:
    with SharedRing.create(CAPACITY_BYTES, 1, 1) as ring:
        yield ring


def restamp(entry: int, size: int) -> None:
    """Make the checksum fit again."""
    store_word(entry + ENTRY_CHECKSUM, entry_checksum(entry, size))


def second_entry(ring: SharedRing, payload: bytes) -> int:
    """Two entries, the first consumed; the address of the second, that nobody has looked at."""
    ring.append(INPUT, 10, 0)
    ring.append(CHECK, 20, 0x8000_0000, payload)
    ring.append(INPUT, 30, 0)
    ring.peek()
    ring.pop()
    return ring.base + HEADER_SIZE + ENTRY_SIZE


@pytest.mark.parametrize("length", [0, 1, 7, 8, 13, 31, 32, 40, 75, 216])
def test_every_single_bit_of_an_entry_is_guarded(length: int) -> None:
    seed = 20_000 + length
    payload = random.Random(seed).randbytes(length)
    size = ENTRY_SIZE + (length + 7) // 8 * 8
    codes: Counter[int] = Counter()
    for bit in range(size * 8):
        with SharedRing.create(CAPACITY_BYTES, 1, 1) as ring:
            entry = second_entry(ring, payload)
            at = entry + bit // 64 * 8
            flipped = load_word(at) ^ (1 << bit % 64 if bit % 64 != 63 else -(1 << 63))
            store_word(at, flipped)
            code = ring_peek(ring.base)
            assert code in REFUSALS, f"seed {seed}: bit {bit} of {size * 8} flipped, peek says {code}"
            assert ring_peek(ring.base) == code, "a refused entry stays refused"
            assert ring_pop(ring.base) == errors.NOT_PEEKED
            codes[code] += 1
    assert codes[errors.CORRUPTED] > size * 8 - 64, codes


def test_any_change_within_one_word_is_detected(ring: SharedRing) -> None:
    seed = 4
    draw = random.Random(seed)
    entry = second_entry(ring, draw.randbytes(64))
    for _ in range(2_000):
        at = entry + 8 * draw.randrange((ENTRY_SIZE + 64) // 8)
        before = load_word(at)
        store_word(at, draw.getrandbits(64) - (1 << 63))
        assert load_word(at) == before or ring_peek(ring.base) in REFUSALS, f"seed {seed}, word {at - entry}"
        store_word(at, before)
    assert [item.position for item in read_entries(ring.base)] == [20, 30]


def test_words_that_changed_places_are_detected(ring: SharedRing) -> None:
    entry = second_entry(ring, bytes(range(72)))
    words = range(ENTRY_SIZE, ENTRY_SIZE + 72, 8)
    for left in words:
        for right in words:
            if left < right:
                at_left, at_right = load_word(entry + left), load_word(entry + right)
                store_word(entry + left, at_right)
                store_word(entry + right, at_left)
                assert ring_peek(ring.base) == errors.CORRUPTED, f"words {left} and {right}"
                store_word(entry + left, at_left)
                store_word(entry + right, at_right)
    assert len(read_entries(ring.base)) == 2


def test_half_an_entry_is_refused(ring: SharedRing) -> None:
    """The tail says that it's there, the memory says otherwise: at every word where a writer could stop."""
    payload = bytes(range(1, 49))
    entry = second_entry(ring, payload)
    words = [load_word(entry + at) for at in range(0, ENTRY_SIZE + 48, 8)]
    for written in range(len(words)):
        for index, word in enumerate(words):
            store_word(entry + 8 * index, word if index < written else 0)
        expected = errors.TORN if written == 0 else errors.CORRUPTED
        assert ring_peek(ring.base) == expected, f"{written} of {len(words)} words written"


def test_a_tail_in_the_middle_of_an_entry_is_torn(ring: SharedRing) -> None:
    ring.append(INPUT, 0, 0, bytes(16))
    for tail in range(8, ENTRY_SIZE + 16, 8):
        store_word(ring.base + TAIL, tail)
        assert ring_peek(ring.base) == errors.TORN, f"tail {tail}"
        store_word(ring.base + CACHED_TAIL, 0)  # forget the tail that was read


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        (ENTRY_SEQUENCE, 0, errors.OUT_OF_SEQUENCE),
        (ENTRY_SEQUENCE, 2, errors.OUT_OF_SEQUENCE),
        (ENTRY_SEQUENCE, -1, errors.OUT_OF_SEQUENCE),
        (ENTRY_POSITION, 9, errors.IN_PAST),
        (ENTRY_POSITION, -1, errors.IN_PAST),
    ],
)
def test_a_well_formed_entry_out_of_order_is_refused(
    ring: SharedRing, field: int, value: int, code: int
) -> None:
    entry = second_entry(ring, b"payload.")
    store_word(entry + field, value)
    restamp(entry, ENTRY_SIZE + 8)
    assert ring_peek(ring.base) == code


def test_a_restamped_entry_in_order_is_accepted(ring: SharedRing) -> None:
    """The counterpart of the refusals above: they aren't refused because of the restamping."""
    entry = second_entry(ring, b"payload.")
    store_word(entry + ENTRY_POSITION, 10)
    store_word(entry + ENTRY_PC, 4)
    restamp(entry, ENTRY_SIZE + 8)
    assert [(item.position, item.pc) for item in read_entries(ring.base)] == [(10, 4), (30, 0)]


def test_an_entry_of_an_earlier_lap_is_refused(ring: SharedRing) -> None:
    """The tail moved over a whole entry that is left from the lap before."""
    laps = 2 * CAPACITY_BYTES // (ENTRY_SIZE + 24)
    for position in range(laps):
        ring.append(INPUT, position, 0, bytes(24))
        ring.peek()
        ring.pop()
    store_word(ring.base + TAIL, load_word(ring.base + TAIL) + ENTRY_SIZE + 24)
    assert ring_peek(ring.base) == errors.OUT_OF_SEQUENCE


def test_every_bit_of_the_padding_is_guarded() -> None:
    for bit in range(64):
        with SharedRing.create(256, 1, 1) as ring:
            for position in range(2):
                ring.append(INPUT, position, 0, bytes(48))
                ring.peek()
                ring.pop()
            assert ring.append(INPUT, 5, 0, bytes(80)) == 2
            padding = ring.base + HEADER_SIZE + 176
            assert load_word(padding) == 80
            store_word(padding, load_word(padding) ^ (1 << bit if bit != 63 else -(1 << 63)))
            code = ring_peek(ring.base)
            assert code in REFUSALS, f"bit {bit} of the padding flipped, peek says {code}"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (errors.BAD_LENGTH, errors.BadLengthError),
        (errors.TORN, errors.TornEntryError),
        (errors.CORRUPTED, errors.CorruptedEntryError),
        (errors.OUT_OF_SEQUENCE, errors.OutOfSequenceError),
        (errors.IN_PAST, errors.PastEntryError),
        (errors.BAD_HEADER, errors.DamagedHeaderError),
        (errors.FOREIGN_MAGIC, errors.ForeignMagicError),
        (errors.FOREIGN_VERSION, errors.ForeignVersionError),
        (errors.FOREIGN_RING, errors.ForeignRingError),
        (errors.SEALED, errors.SealedLogError),
        (errors.TOO_LARGE, errors.EntryTooLargeError),
        (errors.BAD_KIND, errors.UnknownKindError),
        (errors.NOT_PEEKED, errors.NotPeekedError),
        (errors.BAD_CAPACITY, errors.BadCapacityError),
    ],
)
def test_every_code_has_its_error_of_one_line(code: int, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        errors.raise_if_error(code)
    assert type(raised.value) is error
    assert "\n" not in str(raised.value)
    assert errors.raise_if_error(3) == 3
