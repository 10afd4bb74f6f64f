from __future__ import annotations

from lockstep.sim.ring import Ring


def test_what_is_full_takes_nothing_and_what_is_cut_shows_nothing_more() -> None:
    ring = Ring(1, 2, capacity=2)
    first, second, third = (1, 5, 0, b"a"), (1, 6, 0, b"b"), (1, 7, 0, b"c")
    assert ring.append(first)
    assert ring.append(second)
    assert not ring.append(third)
    ring.publish(7)
    ring.publish(3)
    assert ring.horizon == 7
    assert ring.pop() == first
    ring.seal()
    assert ring.append(third), "its producer doesn't see the cut"
    ring.publish(9)
    assert (ring.horizon, ring.published) == (7, 9)
    assert (ring.pop(), ring.peek()) == (second, None)
