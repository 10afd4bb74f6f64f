from __future__ import annotations

from lockstep.sim.schedule import Schedule


def test_things_happen_in_order_of_time_and_then_of_insertion() -> None:
    schedule, happened = Schedule(), []

    def note(what: str) -> None:
        happened.append((schedule.now_us, what))

    schedule.at(20, note, "c")
    schedule.at(10, note, "a")
    schedule.at(20, note, "d")
    schedule.after(15, note, "b")
    schedule.at(99, note, "never")
    schedule.run(50, lambda: False)
    assert happened == [(10, "a"), (15, "b"), (20, "c"), (20, "d")]
    assert schedule.now_us == 50


def test_it_stops_as_soon_as_all_is_done() -> None:
    schedule, happened = Schedule(), []
    for time_us in (1, 2, 3):
        schedule.at(time_us, happened.append, time_us)
    schedule.run(50, lambda: 2 in happened)
    assert (happened, schedule.now_us) == ([1, 2], 2)
