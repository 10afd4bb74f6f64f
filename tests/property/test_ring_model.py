"""The ring against a list: any order of appends, peeks, pops, publications and the cut, in small rings."""

from __future__ import annotations

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lockstep.log.entry import Entry
from lockstep.log.errors import EntryTooLargeError, PastEntryError, SealedLogError
from lockstep.log.layout import ENTRY_SIZE
from lockstep.log.shared import SharedRing

INT64_MAX = (1 << 63) - 1


class RingModel(RuleBasedStateMachine):
    """What a ring is: a queue of entries with a limit in bytes, two watermarks and a cut."""

    ring: SharedRing | None = None

    @initialize(exponent=st.integers(7, 11))
    def create(self, exponent: int) -> None:
        self.capacity = 1 << exponent
        self.ring = SharedRing.create(self.capacity, 1, 2)
        self.entries: deque[Entry] = deque()
        self.sequence = 0
        self.position = 0
        self.horizon = 0
        self.acknowledged = 0
        self.sealed = False

    def teardown(self) -> None:
        if self.ring:
            self.ring.close()

    def occupied(self) -> int:
        return sum(ENTRY_SIZE + (len(entry.payload) + 7) // 8 * 8 for entry in self.entries)

    def append(self, kind: int, position: int, pc: int, payload: bytes) -> None:
        assert self.ring
        size = ENTRY_SIZE + (len(payload) + 7) // 8 * 8
        try:
            sequence = self.ring.append(kind, position, pc, payload)
        except EntryTooLargeError:
            assert 2 * size > self.capacity
            return
        except PastEntryError:
            assert position < self.position
            return
        except SealedLogError:
            assert self.sealed
            return
        assert 2 * size <= self.capacity
        assert position >= self.position
        assert not self.sealed
        if sequence is None:
            # Padding takes less room than the entry that didn't fit before the end.
            assert self.occupied() + 2 * size + self.largest() > self.capacity
            assert self.entries, "an empty ring takes every entry that it can take at all"
        else:
            assert sequence == self.sequence
            self.entries.append(Entry(kind, position, sequence, pc, payload))
            assert self.occupied() <= self.capacity
            self.sequence += 1
            self.position = position

    def largest(self) -> int:
        return max((ENTRY_SIZE + len(entry.payload) + 7 for entry in self.entries), default=0)

    @rule(
        kind=st.integers(1, 0x7FFF),
        step=st.integers(-1, 3),
        pc=st.integers(-INT64_MAX - 1, INT64_MAX),
        payload=st.binary(max_size=100),
    )
    def append_any(self, kind: int, step: int, pc: int, payload: bytes) -> None:
        self.append(kind, self.position + step, pc, payload)

    @rule(short_of=st.integers(-9, 9), fill=st.integers(0, 255))
    def append_around_the_limit(self, short_of: int, fill: int) -> None:
        length = max(self.capacity // 2 - ENTRY_SIZE - short_of, 0)
        self.append(1, self.position, 0, bytes([fill]) * length)

    @rule(length=st.integers(0, 24), times=st.integers(1, 40))
    def append_until_full(self, length: int, times: int) -> None:
        for number in range(times):
            self.append(2, self.position, number, number.to_bytes(1, "little") * length)

    @rule()
    def peek(self) -> None:
        assert self.ring
        expected = self.entries[0] if self.entries else None
        assert self.ring.peek() == expected

    @rule(count=st.integers(1, 40))
    def consume(self, count: int) -> None:
        assert self.ring
        for _ in range(min(count, len(self.entries))):
            assert self.ring.peek() == self.entries.popleft()
            self.ring.pop()

    @rule(horizon=st.integers(0, INT64_MAX - 1))
    def publish(self, horizon: int) -> None:
        assert self.ring
        self.ring.publish(horizon)
        if not self.sealed:
            self.horizon = max(self.horizon, horizon)

    @rule(position=st.integers(0, INT64_MAX))
    def acknowledge(self, position: int) -> None:
        assert self.ring
        self.ring.acknowledge(position)
        self.acknowledged = max(self.acknowledged, position)

    @precondition(lambda self: self.sequence > 20)
    @rule()
    def seal(self) -> None:
        assert self.ring
        self.ring.seal()
        self.sealed = True

    @invariant()
    def words_agree(self) -> None:
        if self.ring:
            assert self.ring.horizon() == self.horizon
            assert self.ring.acknowledged() == self.acknowledged
            assert self.ring.sealed() == self.sealed
            assert self.occupied() <= self.ring.used() <= self.capacity
            if not self.entries:
                assert self.ring.peek() is None


TestRing = RingModel.TestCase
TestRing.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
