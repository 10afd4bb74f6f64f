"""The ring: one producer appends entries, one consumer looks at them and consumes them, in shared memory.

All functions take the address `base` of the ring's block and return int64; negative results are the codes
of `lockstep.log.errors`. None allocates, waits or makes a system call.

An entry becomes visible by the release-store of `tail`, after all of its bytes: a producer killed at any
moment leaves a whole prefix, and the log can be cut at a count of bytes. Publishing by the entry's own first
word instead was measured: 76 to 58 million entries/s with 16 bytes, equal with 4 KiB, 0.03 to 0.11 us. It
isn't worth what it loses: a damaged first word that reads 0 would mean "nothing here yet" for ever.
Padding rather than entries in two parts, so that a payload is in one piece and needs no second copy.
Each side keeps a copy of the other's counter on its own line and reads the real one only when the copy says
full or empty, so in a stream neither counter's line travels for every entry.

Horizon: the producer appends, then publishes H. The consumer reads H first and looks for entries after it:
once `ring_horizon` returned H, every entry stamped below H is seen before `ring_peek` returns 0. The other
way round, an entry that arrives between the two reads would be missed.
"""

from __future__ import annotations

from lockstep.log.checksum import entry_checksum
from lockstep.log.errors import (
    BAD_CAPACITY,
    BAD_HEADER,
    BAD_KIND,
    BAD_LENGTH,
    CORRUPTED,
    FOREIGN_MAGIC,
    FOREIGN_VERSION,
    FULL,
    IN_PAST,
    NOT_PEEKED,
    OUT_OF_SEQUENCE,
    SEALED,
    TOO_LARGE,
    TORN,
)
from lockstep.log.layout import (
    ACKNOWLEDGED,
    APPENDED_POSITION,
    APPENDED_SEQUENCE,
    CACHED_HEAD,
    CACHED_TAIL,
    CAPACITY,
    CAPACITY_BYTES_MAX,
    CAPACITY_BYTES_MIN,
    CONSUMED_POSITION,
    CONSUMED_SEQUENCE,
    CONSUMER_BEATS,
    CONSUMER_WAITS,
    CUT,
    CUT_HORIZON,
    ENTRY_CHECKSUM,
    ENTRY_PC,
    ENTRY_POSITION,
    ENTRY_SEQUENCE,
    ENTRY_SIZE,
    FORMAT_MAGIC,
    FORMAT_VERSION,
    GENERATION,
    HEAD,
    HEADER_SIZE,
    HORIZON,
    KIND_MAX,
    KIND_PADDING,
    MAGIC,
    PEEKED_SIZE,
    PRODUCER_BEATS,
    SECONDARY,
    TAIL,
    VERSION,
    WORD_SIZE,
)
from lockstep.log.words import compare_exchange, load_byte, load_word, store_word
from lockstep.native import exchange, inline, load_acquire, nopython, store_release, unsigned_less

WAKE_ALWAYS, WAKE_IF_URGENT = 1, 2
_LENGTH_MASK = 0xFFFF_FFFF
_KIND_SHIFT = 32
_ALIGNMENT_MASK = WORD_SIZE - 1


@inline
def _first_word(kind: int, length: int) -> int:
    """Length, kind and flags (0) of an entry as one word."""
    return (kind << _KIND_SHIFT) | length


@inline
def _entry_size(length: int) -> int:
    return ENTRY_SIZE + ((length + _ALIGNMENT_MASK) & ~_ALIGNMENT_MASK)


@inline
def ring_payload_length_max(capacity_bytes: int) -> int:
    """The longest payload: an entry takes at most half of the ring, so that padding and entry always fit."""
    return capacity_bytes // 2 - ENTRY_SIZE


@nopython
def ring_create(base: int, capacity_bytes: int, generation: int, secondary: int) -> int:
    """Make an empty ring for one (generation, secondary). The block must be 8-byte aligned. Returns 0."""
    if (
        capacity_bytes < CAPACITY_BYTES_MIN
        or capacity_bytes > CAPACITY_BYTES_MAX
        or capacity_bytes & (capacity_bytes - 1) != 0
    ):
        return BAD_CAPACITY
    for at in range(base, base + HEADER_SIZE, WORD_SIZE):
        store_word(at, 0)
    store_word(base + VERSION, FORMAT_VERSION)
    store_word(base + CAPACITY, capacity_bytes)
    store_word(base + GENERATION, generation)
    store_word(base + SECONDARY, secondary)
    store_release(base + MAGIC, FORMAT_MAGIC)
    return 0


@nopython
def ring_check(base: int) -> int:
    """0 if the block is a ring of this version whose header makes sense, else why not."""
    if load_acquire(base + MAGIC) != FORMAT_MAGIC:
        return FOREIGN_MAGIC
    if load_word(base + VERSION) != FORMAT_VERSION:
        return FOREIGN_VERSION
    capacity = load_word(base + CAPACITY)
    if capacity < CAPACITY_BYTES_MIN or capacity > CAPACITY_BYTES_MAX or capacity & (capacity - 1) != 0:
        return BAD_HEADER
    head = load_acquire(base + HEAD)
    tail = load_acquire(base + TAIL)
    if head < 0 or (head | tail) & _ALIGNMENT_MASK != 0:
        return BAD_HEADER
    # While the consumer runs, a tail that is newer than the head may look too far ahead of it.
    if unsigned_less(capacity, tail - head) and load_acquire(base + HEAD) == head:
        return BAD_HEADER
    return 0


@inline
def _write_payload(target: int, source: int, length: int) -> None:
    """Copy `length` bytes and fill the last word with zeros."""
    whole = length & ~_ALIGNMENT_MASK
    for at in range(0, whole, WORD_SIZE):
        store_word(target + at, load_word(source + at))
    if whole != length:
        word = 0
        for index in range(length - whole):
            word |= load_byte(source + whole + index) << (8 * index)
        store_word(target + whole, word)


@inline
def ring_append(
    base: int, kind: int, position: int, pc: int, payload_address: int, payload_length: int
) -> int:
    """Append an entry. Returns its sequence number; FULL (-1) if the consumer must make room first,
    else SEALED, IN_PAST, TOO_LARGE or BAD_KIND. What isn't appended leaves no trace."""
    capacity = load_word(base + CAPACITY)
    if unsigned_less(ring_payload_length_max(capacity), payload_length):
        return TOO_LARGE
    if unsigned_less(KIND_MAX - 1, kind - 1):
        return BAD_KIND
    if position < load_word(base + APPENDED_POSITION):
        return IN_PAST
    if load_acquire(base + CUT) != 0:
        return SEALED
    size = _entry_size(payload_length)
    tail = load_word(base + TAIL)
    offset = tail & (capacity - 1)
    padding = capacity - offset
    if size <= padding:
        padding = 0
    needed = padding + size
    if capacity - (tail - load_word(base + CACHED_HEAD)) < needed:
        head = load_acquire(base + HEAD)
        store_word(base + CACHED_HEAD, head)
        if capacity - (tail - head) < needed:
            return FULL
    data = base + HEADER_SIZE
    if padding != 0:
        store_word(data + offset, _first_word(KIND_PADDING, padding))
        offset = 0
    entry = data + offset
    sequence = load_word(base + APPENDED_SEQUENCE)
    store_word(entry, _first_word(kind, payload_length))
    store_word(entry + ENTRY_POSITION, position)
    store_word(entry + ENTRY_SEQUENCE, sequence)
    store_word(entry + ENTRY_PC, pc)
    _write_payload(entry + ENTRY_SIZE, payload_address, payload_length)
    store_word(entry + ENTRY_CHECKSUM, entry_checksum(entry, size))
    store_word(base + APPENDED_POSITION, position)
    store_word(base + APPENDED_SEQUENCE, sequence + 1)
    store_release(base + TAIL, tail + needed)
    return sequence


@inline
def ring_publish(base: int, horizon: int) -> None:
    """Promise that every entry stamped below `horizon` is in the ring. A lower horizon changes nothing."""
    if horizon > load_word(base + HORIZON):
        store_release(base + HORIZON, horizon)


@inline
def ring_horizon(base: int) -> int:
    """The horizon published, or the one of the cut once the ring is sealed. Read it before `ring_peek`."""
    cut_horizon = load_acquire(base + CUT_HORIZON)
    if cut_horizon != 0:
        return cut_horizon - 1
    return load_acquire(base + HORIZON)


@inline
def _visible_tail(base: int) -> int:
    """How far the consumer may read: what was appended, up to the cut."""
    cut = load_acquire(base + CUT)
    if cut != 0:
        return cut - 1
    return load_acquire(base + TAIL)


@inline
def _validate(base: int, entry: int, available: int, capacity: int) -> int:
    """The size in bytes of the entry at `entry`, or why it is refused."""
    first = load_word(entry)
    if first == 0:
        return TORN
    length = first & _LENGTH_MASK
    if unsigned_less(ring_payload_length_max(capacity), length):
        return BAD_LENGTH
    size = _entry_size(length)
    if size > available:
        return TORN
    if entry_checksum(entry, size) != load_word(entry + ENTRY_CHECKSUM):
        return CORRUPTED
    if load_word(entry + ENTRY_SEQUENCE) != load_word(base + CONSUMED_SEQUENCE):
        return OUT_OF_SEQUENCE
    if load_word(entry + ENTRY_POSITION) < load_word(base + CONSUMED_POSITION):
        return IN_PAST
    return size


@inline
def ring_peek(base: int) -> int:
    """The address of the next entry, validated and whole until `ring_pop`; 0 if there is none;
    BAD_HEADER, BAD_LENGTH, TORN, CORRUPTED, OUT_OF_SEQUENCE or IN_PAST if it is refused."""
    capacity = load_word(base + CAPACITY)
    data = base + HEADER_SIZE
    head = load_word(base + HEAD)
    if load_word(base + PEEKED_SIZE) != 0:
        return data + (head & (capacity - 1))
    tail = load_word(base + CACHED_TAIL)
    if head == tail:
        tail = _visible_tail(base)
        if unsigned_less(capacity, tail - head) or tail & _ALIGNMENT_MASK != 0:
            return BAD_HEADER
        if head == tail:
            return 0
        store_word(base + CACHED_TAIL, tail)
    offset = head & (capacity - 1)
    room = capacity - offset
    if load_word(data + offset) == _first_word(KIND_PADDING, room):
        head += room
        offset = 0
        room = capacity
        if head >= tail:
            return TORN
        store_release(base + HEAD, head)
    size = _validate(base, data + offset, min(room, tail - head), capacity)
    if size < 0:
        return size
    store_word(base + PEEKED_SIZE, size)
    return data + offset


@inline
def ring_pop(base: int) -> int:
    """Consume the entry that `ring_peek` returned: its bytes may be overwritten from now on. Returns 0,
    or NOT_PEEKED."""
    size = load_word(base + PEEKED_SIZE)
    if size == 0:
        return NOT_PEEKED
    head = load_word(base + HEAD)
    capacity = load_word(base + CAPACITY)
    entry = base + HEADER_SIZE + (head & (capacity - 1))
    store_word(base + CONSUMED_POSITION, load_word(entry + ENTRY_POSITION))
    store_word(base + CONSUMED_SEQUENCE, load_word(base + CONSUMED_SEQUENCE) + 1)
    store_word(base + PEEKED_SIZE, 0)
    store_release(base + HEAD, head + size)
    return 0


@inline
def ring_acknowledge(base: int, position: int) -> None:
    """Tell the producer that the consumer holds everything up to `position`. A lower one changes nothing."""
    if position > load_word(base + ACKNOWLEDGED):
        store_release(base + ACKNOWLEDGED, position)


@inline
def ring_acknowledged(base: int) -> int:
    """The highest position acknowledged."""
    return load_acquire(base + ACKNOWLEDGED)


@inline
def ring_used(base: int) -> int:
    """Bytes appended and not consumed; a snapshot for either side or an onlooker, never negative."""
    head = load_acquire(base + HEAD)
    return max(load_acquire(base + TAIL) - head, 0)


@nopython
def ring_seal(base: int) -> int:
    """Cut the log, once and for good: entries appended later are never seen and the horizon stands still.
    Returns the cut, in bytes since the ring was made.

    For the producer or the consumer; an onlooker could cut off what the consumer has already consumed.
    Lock-free, so that a side that dies here doesn't hang the other: the horizon is fixed first, and the tail
    is read after it, so that the horizon's promise holds within the cut whoever wins each exchange.
    """
    compare_exchange(base + CUT_HORIZON, 0, load_acquire(base + HORIZON) + 1)
    compare_exchange(base + CUT, 0, load_acquire(base + TAIL) + 1)
    return load_acquire(base + CUT) - 1


@inline
def ring_sealed(base: int) -> bool:
    """Whether the log was cut."""
    return load_acquire(base + CUT) != 0


@inline
def ring_generation(base: int) -> int:
    """The generation that the ring belongs to."""
    return load_word(base + GENERATION)


@inline
def ring_secondary(base: int) -> int:
    """The number of the secondary that the ring belongs to."""
    return load_word(base + SECONDARY)


@inline
def ring_producer_beat(base: int) -> None:
    """A sign of life from the producer."""
    store_release(base + PRODUCER_BEATS, load_word(base + PRODUCER_BEATS) + 1)


@inline
def ring_producer_beats(base: int) -> int:
    """How many signs of life the producer gave."""
    return load_acquire(base + PRODUCER_BEATS)


@inline
def ring_consumer_beat(base: int) -> None:
    """A sign of life from the consumer."""
    store_release(base + CONSUMER_BEATS, load_word(base + CONSUMER_BEATS) + 1)


@inline
def ring_consumer_beats(base: int) -> int:
    """How many signs of life the consumer gave."""
    return load_acquire(base + CONSUMER_BEATS)


@inline
def ring_wait(base: int, when: int) -> None:
    """The consumer is about to sleep, and wants to be woken: WAKE_ALWAYS, or WAKE_IF_URGENT if it will look by itself.

    It looks at the ring once more after this.
    """
    exchange(base + CONSUMER_WAITS, when)


@inline
def ring_take_waiting(base: int, urgent: int) -> bool:
    """Whether the consumer is to be woken now, by the caller. After an append or a publish."""
    if urgent == 0 and load_word(base + CONSUMER_WAITS) == WAKE_IF_URGENT:
        return False
    return exchange(base + CONSUMER_WAITS, 0) != 0
