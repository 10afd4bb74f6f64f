"""The ring between two real processes: content, order, the horizon's promise, and SIGKILL at any moment."""

from __future__ import annotations

import ctypes
import os
import random
import signal
from collections.abc import Callable

import pytest

from lockstep.log.entry import (
    entry_kind,
    entry_length,
    entry_payload,
    entry_pc,
    entry_position,
    entry_sequence,
)
from lockstep.log.errors import FULL, SEALED, raise_if_error
from lockstep.log.ring import (
    ring_append,
    ring_horizon,
    ring_payload_length_max,
    ring_peek,
    ring_pop,
    ring_publish,
)
from lockstep.log.shared import SharedRing
from lockstep.log.words import load_byte, load_word, store_word
from lockstep.native import nopython

MISMATCH = -1000
UNTIL_KILLED = 1 << 60
TURNS = 500


@nopython
def drawn(seed: int, number: int) -> int:
    """What is drawn for entry `number`: a 62-bit number (SplitMix64)."""
    value = (seed + number + 1) * 0x1E37_79B9_7F4A_7C15
    value = (value ^ ((value >> 30) & 0x3_FFFF_FFFF)) * 0x3F58_476D_1CE4_E5B9
    value = (value ^ ((value >> 27) & 0x1F_FFFF_FFFF)) * 0x14D0_49BB_1331_11EB
    return (value ^ (value >> 31)) & 0x3FFF_FFFF_FFFF_FFFF


@nopython
def drawn_length(seed: int, number: int, length_max: int) -> int:
    """Mostly short payloads, now and then any length up to the longest."""
    draw = drawn(seed, number)
    return draw % (length_max + 1) if draw & 0xF00 == 0 else min((draw >> 16) % 33, length_max)


@nopython
def produce(base: int, seed: int, first: int, last: int, length_max: int, scratch: int, turns: int) -> int:
    """Append the drawn entries `first` to `last` exclusive, for at most `turns` attempts; the number of the
    next one, or the ring's refusal. Position = twice the number, so that a horizon says what must be there.
    """
    number = first
    for _ in range(turns):
        if number == last:
            break
        length = drawn_length(seed, number, length_max)
        fill = drawn(seed ^ 0x55, number)
        for at in range(0, length + 7, 8):
            store_word(scratch + at, fill + at)
        result = ring_append(base, 1 + fill % 5, 2 * number, fill, scratch, length)
        if result == number:
            number += 1
            if fill & 0x30 == 0:
                ring_publish(base, 2 * number - 1)
        elif result != FULL:
            return result
    return number


@nopython
def differs(entry: int, seed: int, number: int, length_max: int) -> bool:
    """Whether the entry isn't the one that was drawn for `number`."""
    length = drawn_length(seed, number, length_max)
    fill = drawn(seed ^ 0x55, number)
    if entry_sequence(entry) != number or entry_position(entry) != 2 * number or entry_pc(entry) != fill:
        return True
    if entry_kind(entry) != 1 + fill % 5 or entry_length(entry) != length:
        return True
    payload = entry_payload(entry)
    for at in range(0, length - 7, 8):
        if load_word(payload + at) != fill + at:
            return True
    for at in range(length & ~7, length):
        if load_byte(payload + at) != ((fill + (at & ~7)) >> (8 * (at & 7))) & 0xFF:
            return True
    return False


@nopython
def drain(base: int, seed: int, first: int, last: int, length_max: int) -> int:
    """Consume what is there of the entries `first` to `last` exclusive; the number of the next one,
    MISMATCH - number, or the ring's refusal."""
    number = first
    while number < last:
        entry = ring_peek(base)
        if entry < 0:
            return entry
        if entry == 0:
            return number
        if differs(entry, seed, number, length_max):
            return MISMATCH - number
        ring_pop(base)
        number += 1
    return number


@nopython
def follow_horizon(
    base: int, seed: int, first: int, last: int, length_max: int, turns: int, observed: int
) -> tuple[int, int]:
    """Read the horizon, then drain, `turns` times or until `last`. The number of the next entry and
    how many different horizons were observed; MISMATCH - number if an entry below one was missing."""
    number = first
    last_horizon = 0
    for _ in range(turns):
        horizon = ring_horizon(base)
        number = drain(base, seed, number, last, length_max)
        if number < 0:
            return number, observed
        if 2 * number < min(horizon, 2 * last):
            return MISMATCH - number, observed
        if horizon != last_horizon:
            observed += 1
            last_horizon = horizon
        if number == last:
            break
    return number, observed


def in_child(work: Callable[[], int]) -> int:
    """Fork a process that exits with 0 if `work` returns 0; its pid."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if work() == 0 else 2
        finally:
            os._exit(status)
    return pid


class Workshop:
    """A ring, memory to build payloads in, and everything compiled before the first fork."""

    def __init__(self, ring: SharedRing) -> None:
        self.ring = ring
        self.length_max = ring_payload_length_max(ring.capacity_bytes)
        self._memory = ctypes.create_string_buffer(self.length_max + 16)
        self.scratch = ctypes.addressof(self._memory)
        self._children: list[int] = []
        with SharedRing.create(1024, 0, 0) as trial:
            produce(trial.base, 1, 0, 3, 64, self.scratch, 9)
            drain(trial.base, 1, 0, 1, 64)
            follow_horizon(trial.base, 1, 1, 3, 64, 1, 0)

    def produce(self, seed: int, count: int) -> int:
        """Append `count` entries and publish them all; 0, or the ring's refusal."""
        number = 0
        while 0 <= number < count:
            number = produce(self.ring.base, seed, number, count, self.length_max, self.scratch, TURNS)
            os.sched_yield()  # the other side may need this very CPU
        if number < 0:
            return number
        self.ring.publish(2 * count)
        return 0

    def fork_producer(self, seed: int, count: int, status: int = 0) -> int:
        """Fork a producer that must end with `status` of `produce`; its pid."""
        pid = in_child(lambda: self.produce(seed, count) - status)
        self._children.append(pid)
        return pid

    def wait(self, pid: int) -> int:
        """Wait for the producer `pid`; its wait status."""
        status = os.waitpid(pid, 0)[1]
        self._children.remove(pid)
        return status

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self._children:  # only after a failure
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def follow(self, pid: int, seed: int, first: int, last: int) -> tuple[int, int]:
        """Consume up to entry `last` while the producer `pid` lives, and once more when it has ended."""
        number, observed = first, 0
        ended = False
        while number < last and not ended:
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
            number, observed = follow_horizon(
                self.ring.base, seed, number, last, self.length_max, TURNS, observed
            )
            check(number, seed)
            os.sched_yield()
        assert number == last, f"seed {seed}: the producer ended after {number} of {last} entries"
        return number, observed

    def drain(self, seed: int, first: int) -> int:
        """Consume all that is there."""
        return check(drain(self.ring.base, seed, first, UNTIL_KILLED, self.length_max), seed)


def check(result: int, seed: int) -> int:
    """The result, unless it is a mismatch or a refusal of the ring."""
    assert result > MISMATCH, f"seed {seed}: entry {MISMATCH - result} is missing or differs"
    return raise_if_error(result)


@pytest.mark.parametrize("capacity", [128, 1024, 1 << 14, 1 << 18])
def test_every_entry_arrives_once_whole_and_in_order(capacity: int) -> None:
    seed = random.SystemRandom().getrandbits(40)
    print(f"seed {seed}")
    count = 30_000 if capacity == 128 else 200_000
    with SharedRing.create(capacity, 1, 1) as ring, Workshop(ring) as workshop:
        pid = workshop.fork_producer(seed, count)
        workshop.follow(pid, seed, 0, count)
        assert workshop.wait(pid) == 0
        assert (ring.used(), ring.horizon()) == (0, 2 * count)


@pytest.mark.parametrize("capacity", [512, 1 << 16])
def test_all_entries_below_an_observed_horizon_are_visible(capacity: int) -> None:
    seed = random.SystemRandom().getrandbits(40)
    print(f"seed {seed}")
    count = 50_000 if capacity == 512 else 200_000
    with SharedRing.create(capacity, 1, 1) as ring, Workshop(ring) as workshop:
        pid = workshop.fork_producer(seed, count)
        _, observed = workshop.follow(pid, seed, 0, count)
        assert workshop.wait(pid) == 0
        print(f"{observed} horizons observed")
        assert observed >= 10, "the processes hardly ran side by side: nothing was tested"


def test_a_producer_killed_at_any_moment_leaves_a_whole_prefix() -> None:
    seed = random.SystemRandom().getrandbits(40)
    print(f"seed {seed}")
    draw = random.Random(seed)
    for round_number in range(60):
        capacity = draw.choice([256, 4096, 1 << 16, 1 << 20])
        with SharedRing.create(capacity, round_number, 1) as ring, Workshop(ring) as workshop:
            pid = workshop.fork_producer(seed, UNTIL_KILLED)
            consumed = draw.choice([0, 1, draw.randrange(3_000)])
            reached, _ = workshop.follow(pid, seed, 0, consumed)
            os.kill(pid, signal.SIGKILL)
            assert os.WTERMSIG(workshop.wait(pid)) == signal.SIGKILL
            horizon = ring.horizon()
            held = workshop.drain(seed, reached)
            assert consumed <= held
            assert 2 * held >= horizon, f"seed {seed}, round {round_number}: {held} entries, H {horizon}"
            assert ring.used() == 0


def test_the_log_is_cut_under_a_running_producer() -> None:
    """The survivor cuts, drains to the cut, sees nothing after it; the producer learns that it is cut off."""
    seed = random.SystemRandom().getrandbits(40)
    print(f"seed {seed}")
    draw = random.Random(seed)
    for _ in range(60):
        with SharedRing.create(draw.choice([1024, 1 << 18]), 1, 1) as ring, Workshop(ring) as workshop:
            pid = workshop.fork_producer(seed, UNTIL_KILLED, status=SEALED)
            reached, _ = workshop.follow(pid, seed, 0, draw.randrange(2_000))
            ring.seal()
            horizon = ring.horizon()
            held = workshop.drain(seed, reached)
            assert workshop.wait(pid) == 0, "the producer must end because the log was sealed"
            assert workshop.drain(seed, held) == held, "nothing appears after the cut"
            assert ring.horizon() == horizon
            assert 2 * held >= horizon
