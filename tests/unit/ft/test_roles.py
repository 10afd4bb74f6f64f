from __future__ import annotations

import itertools

import pytest

from lockstep.ft.roles import TRANSITIONS, Event, IllegalTransition, Role, next_role

LEGAL = [(role, event) for role, events in TRANSITIONS.items() for event in events]
ILLEGAL = [pair for pair in itertools.product(Role, Event) if pair not in LEGAL]


@pytest.mark.parametrize(("role", "event"), LEGAL)
def test_a_transition_of_the_table_happens(role: Role, event: Event) -> None:
    assert next_role(role, event) is TRANSITIONS[role][event]


@pytest.mark.parametrize(("role", "event"), ILLEGAL)
def test_any_other_is_refused_by_name(role: Role, event: Event) -> None:
    with pytest.raises(IllegalTransition, match=f"{role.value}: {event.value}"):
        next_role(role, event)


def test_every_role_can_be_reached_and_every_event_happens() -> None:
    reached, found = {Role.IDLE}, {Role.IDLE}
    while found:
        found = {after for role in found for after in TRANSITIONS[role].values()} - reached
        reached |= found
    assert reached == set(Role)
    assert {event for _, event in LEGAL} == set(Event)


def test_only_who_won_a_generation_comes_to_run_live() -> None:
    live = (Role.PRIMARY, Role.PRIMARY_ALONE)
    into_live = {
        (role, event) for role, event in LEGAL if next_role(role, event) in live and role not in live
    }
    assert into_live == {(Role.IDLE, Event.START_PRIMARY), (Role.GOING_LIVE, Event.CUT_REACHED)}
    assert {role for role, event in LEGAL if next_role(role, event) is Role.GOING_LIVE} == {
        Role.SECONDARY,
        Role.ENDED,
    }


def test_a_life_from_clone_to_primary_to_the_end() -> None:
    role = Role.IDLE
    for event in (
        Event.START_RECEIVING,
        Event.STATE_RECEIVED,
        Event.WON_GENERATION,
        Event.CUT_REACHED,
        Event.CLONE,
        Event.SECONDARY_LOST,
        Event.CLONE,
        Event.GUEST_ENDED,
    ):
        role = next_role(role, event)
    assert role is Role.ENDED
