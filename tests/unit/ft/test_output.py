from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.ft.output import OutputGate, Retention


def test_retention_gives_what_it_has_and_nothing_else() -> None:
    retention = Retention(10, b"abcdef")
    assert (retention.base, retention.end) == (10, 16)
    assert retention.piece(12, 15) == b"cde"
    retention.trim(13)
    assert (retention.base, retention.end) == (13, 16)
    assert retention.piece(13, 16) == b"def"
    for offset, end in ((12, 14), (15, 17)):
        with pytest.raises(ValueError, match="13 to 16 retained"):
            retention.piece(offset, end)


def test_the_world_may_be_ahead_of_a_secondary_and_an_old_count_changes_nothing() -> None:
    retention = Retention()
    retention.add(b"abc")
    retention.trim(5)
    assert (retention.base, retention.end) == (3, 3)
    retention.add(b"defg")
    retention.trim(2)
    assert (retention.base, retention.end) == (3, 7)
    assert retention.piece(3, 7) == b"defg"


@given(st.lists(st.tuples(st.binary(max_size=5), st.integers(0, 60))))
def test_retention_is_a_window_on_all_that_was_made(steps: list[tuple[bytes, int]]) -> None:
    retention, made, written = Retention(), b"", 0
    for data, count in steps:
        retention.add(data)
        made += data
        retention.trim(count)
        written = max(written, min(count, len(made)))
        assert retention.piece(retention.base, retention.end) == made[written:]


def test_the_gate_holds_output_until_the_horizon_is_past_it() -> None:
    gate = OutputGate()
    gate.made(3, 100)
    gate.made(5, 200)
    assert gate.covered(99) == 0
    assert gate.covered(100) == 3
    assert gate.covered(199) == 3
    assert gate.covered(200) == 5


def test_the_gate_keeps_the_first_position_at_which_output_was_seen() -> None:
    gate = OutputGate()
    gate.made(3, 100)
    gate.made(3, 500)  # looked at again, nothing new
    assert gate.covered(100) == 3


def test_a_lower_horizon_takes_nothing_back() -> None:
    gate = OutputGate()
    gate.made(3, 100)
    assert gate.covered(150) == 3
    gate.made(4, 200)
    assert gate.covered(0) == 3


def test_the_gate_of_a_secondary_forgets_what_the_world_has() -> None:
    """It is never asked what is covered, and must not grow for that."""
    gate = OutputGate()
    for count in range(1, 1001):
        gate.made(count, 10 * count)
        gate.trim(count - 2)
    assert len(gate._held) == 2
    assert gate.covered(0) == 998
    assert gate.covered(9990) == 999


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), st.integers(0, 400))))
def test_nothing_leaves_before_its_position_is_covered(steps: list[tuple[int, int, int]]) -> None:
    gate, end, position, highest = OutputGate(), 0, 0, 0
    made: list[tuple[int, int]] = []
    for count, moved, horizon in steps:
        end, position = end + count, position + moved
        made.append((end, position))
        gate.made(end, position)
        highest = max(highest, horizon)
        allowed = max((end for end, position in made if position <= highest), default=0)
        assert gate.covered(horizon) <= allowed
    assert gate.covered(position) == end


def test_a_position_that_was_too_far_is_taken_back() -> None:
    gate = OutputGate()
    gate.made(5, 90)
    gate.made(7, 110)  # seen in the middle of a block
    gate.made(9, 112)
    gate.made(9, 100)  # the block was left early, and the guest ended there
    assert gate.covered(99) == 5
    assert gate.covered(100) == 9
