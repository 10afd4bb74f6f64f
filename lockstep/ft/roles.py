"""Roles of a host and how they change. Data only: the code and the docs' diagram both read TRANSITIONS."""

from __future__ import annotations

import enum


class Role(enum.Enum):
    """What a host is to its pair."""

    IDLE = "idle"
    """Forked, no machine started."""
    PRIMARY = "primary"
    """Runs live and logs for a secondary, recorded or still catching up."""
    PRIMARY_ALONE = "primary alone"
    """Runs live; nobody follows."""
    RECEIVING = "receiving"
    """A clone whose state is arriving."""
    SECONDARY = "secondary"
    """Runs from the log and says nothing."""
    GOING_LIVE = "going live"
    """Won the next generation; runs to the cut."""
    ENDED = "ended"
    """The guest has come to its end."""


class Event(enum.Enum):
    """What makes a role change."""

    START_PRIMARY = "start as primary"
    START_SECONDARY = "start as secondary"
    START_RECEIVING = "start from a clone"
    STATE_RECEIVED = "whole state received"
    WON_GENERATION = "won the next generation"
    CUT_REACHED = "ran to the cut"
    SECONDARY_LOST = "secondary is gone, on record"
    CLONE = "new secondary starts from here"
    GUEST_ENDED = "guest ended"


TRANSITIONS: dict[Role, dict[Event, Role]] = {
    Role.IDLE: {
        Event.START_PRIMARY: Role.PRIMARY,
        Event.START_SECONDARY: Role.SECONDARY,
        Event.START_RECEIVING: Role.RECEIVING,
    },
    Role.RECEIVING: {Event.STATE_RECEIVED: Role.SECONDARY},
    Role.SECONDARY: {Event.WON_GENERATION: Role.GOING_LIVE, Event.GUEST_ENDED: Role.ENDED},
    Role.GOING_LIVE: {Event.CUT_REACHED: Role.PRIMARY_ALONE},
    Role.PRIMARY_ALONE: {Event.CLONE: Role.PRIMARY, Event.GUEST_ENDED: Role.ENDED},
    Role.PRIMARY: {Event.SECONDARY_LOST: Role.PRIMARY_ALONE, Event.GUEST_ENDED: Role.ENDED},
    Role.ENDED: {Event.WON_GENERATION: Role.GOING_LIVE, Event.SECONDARY_LOST: Role.ENDED},
}


class IllegalTransition(Exception):
    """An event came that the role doesn't know: a bug in the protocol."""


def next_role(role: Role, event: Event) -> Role:
    """The role after `event`."""
    try:
        return TRANSITIONS[role][event]
    except KeyError:
        raise IllegalTransition(f"{role.value}: {event.value}") from None
