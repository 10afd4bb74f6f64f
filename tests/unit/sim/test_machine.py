from __future__ import annotations

from lockstep.sim.machine import CLOCK, END_OF_INPUT, INPUT, ToyMachine


def ran(machine: ToyMachine, positions: int, slice_positions: int) -> ToyMachine:
    """`machine` after `positions`, run in slices; where it parks it is told the same time."""
    end = machine.position + positions
    while machine.position < end and not machine.has_ended:
        machine.run(min(machine.position + slice_positions, end))
        machine.drain()
        for ring in (machine.devices.disk_ring, machine.devices.frame_ring):
            ring.drop_below(ring.made)
        if machine.is_parked:
            machine.apply(CLOCK, (machine.position * 3).to_bytes(8, "little"))
    return machine


def test_it_is_a_function_of_its_state_and_of_what_it_is_given() -> None:
    for slice_positions in (1, 7, 1000):
        one = ran(ToyMachine(5), 3000, slice_positions)
        assert one.digest == ran(ToyMachine(5), 3000, 24).digest
        assert one.output == ran(ToyMachine(5), 3000, 24).output
    assert one.digest != ran(ToyMachine(6), 3000, 24).digest


def test_a_copy_goes_on_alike_and_apart() -> None:
    one = ran(ToyMachine(5), 500, 24)
    other = one.copy()
    assert ran(one, 500, 24).digest == ran(other, 500, 24).digest
    one.apply(INPUT, b"x")
    ran(one, 500, 24)
    assert other.taken == b""
    assert len(other.output) < len(one.output)


def test_input_and_time_leave_their_mark_for_ever() -> None:
    plain, typed, late = ToyMachine(5), ToyMachine(5), ToyMachine(5)
    typed.apply(INPUT, b"x")
    late.apply(CLOCK, (99).to_bytes(8, "little"))
    digests = {ran(machine, 3000, 24).digest.split(":")[1] for machine in (plain, typed, late)}
    assert len(digests) == 3


def test_it_ends_when_it_is_told_to() -> None:
    machine = ToyMachine(5)
    machine.apply(INPUT, bytes([END_OF_INPUT]))
    assert ran(machine, 3000, 24).has_ended
