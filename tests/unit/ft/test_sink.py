from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.ft.sink import SinkGapError, SinkLedger


def test_only_the_new_part_is_accepted() -> None:
    ledger = SinkLedger()
    assert ledger.accept(1, 0, b"abc") == b"abc"
    assert ledger.accept(1, 0, b"abc") == b""
    assert ledger.accept(1, 1, b"bcde") == b"de"
    assert ledger.accepted == 5


def test_a_gap_is_an_error_and_not_a_silence() -> None:
    ledger = SinkLedger()
    with pytest.raises(SinkGapError, match="bytes 0 to 1 "):
        ledger.accept(1, 1, b"x")


def test_a_fenced_generation_writes_nothing_not_even_a_gap() -> None:
    ledger = SinkLedger()
    ledger.accept(1, 0, b"ab")
    assert ledger.fence(2) == 2
    assert ledger.accept(1, 2, b"late") == b""
    assert ledger.accept(1, 9, b"late") == b""
    assert ledger.accept(3, 2, b"early") == b""
    assert ledger.accept(2, 2, b"cd") == b"cd"
    assert ledger.accepted == 4


@pytest.mark.parametrize("generation", [0, 1])
def test_generations_only_grow(generation: int) -> None:
    with pytest.raises(ValueError, match="doesn't follow"):
        SinkLedger().fence(generation)


@given(st.data())
def test_every_byte_once_and_in_order_whoever_offers_it(data: st.DataObject) -> None:
    """Primaries that die, come late, and say things again; each offers all from the count it was fenced at."""
    ledger, world = SinkLedger(), b""
    guest = bytes(range(200))
    sent = {1: 0}
    for _ in range(data.draw(st.integers(0, 40))):
        if data.draw(st.integers(0, 4)) == 0:
            generation = ledger.generation + 1
            sent[generation] = ledger.fence(generation)
        generation = data.draw(st.sampled_from(sorted(sent)))
        again = data.draw(st.integers(0, 3))
        count = data.draw(st.integers(0, 20))
        offset = max(sent[generation] - again, 0)
        world += ledger.accept(generation, offset, guest[offset : sent[generation] + count])
        sent[generation] = min(sent[generation] + count, len(guest))
        assert world == guest[: len(world)]
        assert ledger.accepted == len(world)
    world += ledger.accept(ledger.generation, sent[ledger.generation], guest[sent[ledger.generation] :])
    assert world == guest
