"""One host's part in the protocol: its role, and what of its output may leave. No I/O.

The host itself, and the simulated one, do what these decisions say. To go live (rule 5) a host

1. cuts its log,
2. `go_live`: takes over the generation and the sink's count,
3. runs to the cut (`ft.following`),
4. `reach_cut`: from then on it offers output and takes input.
"""

from __future__ import annotations

from collections.abc import Iterator

from lockstep.ft.inbox import Inbox
from lockstep.ft.outbox import Outbox
from lockstep.ft.roles import Event, Role, next_role

EVERYTHING = (1 << 63) - 1
"""A horizon past all positions."""


class Member:
    """State of one host as a member of its pair."""

    def __init__(self) -> None:
        """Idle."""
        self.role = Role.IDLE
        self.generation = 0
        self.outbox = Outbox()
        self.inbox = Inbox()
        self.has_caught_up = False
        self.has_announced_end = False
        self.has_led = False
        """Whether it runs live or did: a secondary whose guest ended says nothing."""

    def become(self, event: Event) -> None:
        """Change role by the transition table."""
        self.role = next_role(self.role, event)
        self.has_led = self.has_led or self.is_live

    @property
    def is_live(self) -> bool:
        """Whether its machine runs live, with output that goes to the sink."""
        return self.role in (Role.PRIMARY, Role.PRIMARY_ALONE)

    @property
    def speaks(self) -> bool:
        """Whether its output goes to the sink and input may come to it."""
        return self.has_led and self.role in (Role.PRIMARY, Role.PRIMARY_ALONE, Role.ENDED)

    @property
    def may_collect(self) -> bool:
        """Whether what the guest wrote may be taken from it, so that it can write on.

        Only a host that runs live has to wait for room: a secondary makes what its primary had room for, and one
        that goes live must get to the cut before it can offer anything.
        """
        return not self.is_live or self.outbox.has_room

    def held(self, channel_held: int | None) -> int:
        """The horizon below which nothing can be lost any more; `channel_held` is None without a channel."""
        if self.role is Role.PRIMARY_ALONE:
            return EVERYTHING
        if channel_held is None:
            # A primary whose secondary went before that was put on record releases nothing (rule 6).
            return EVERYTHING if self.role is Role.ENDED else 0
        return channel_held

    def releases(self, channel_held: int | None) -> Iterator[tuple[int, bytes]]:
        """The output that may leave now, as (offset, bytes); a host that isn't live says nothing."""
        return self.outbox.pieces(self.held(channel_held)) if self.speaks else iter(())

    def confirms(self, channel_held: int | None) -> int | None:
        """How much input the source need not keep any more, when there is news."""
        return self.inbox.confirm(self.held(channel_held)) if self.speaks else None

    def type(self, offset: int, data: bytes, taken: int) -> None:
        """The source offered input; the machine has taken `taken` bytes. Only a live host has a use for it."""
        if self.speaks:
            self.inbox.arrive(offset, data, taken)

    def go_live(self, generation: int, sink_bytes: int) -> None:
        """The log is cut: this host won `generation`, and the sink, fenced, has `sink_bytes`."""
        self.generation = generation
        self.has_announced_end = False
        self.outbox.offer_from(sink_bytes)
        self.become(Event.WON_GENERATION)

    def reach_cut(self, *, guest_ended: bool) -> None:
        """It ran to the cut, or to the guest's end before it."""
        self.become(Event.CUT_REACHED)
        if guest_ended:
            self.become(Event.GUEST_ENDED)

    def go_alone(self) -> None:
        """Its secondary is gone, and that is on record."""
        if self.role in (Role.PRIMARY, Role.ENDED):
            self.become(Event.SECONDARY_LOST)

    def may_announce_end(self, console_bytes: int, *, by_itself: bool) -> bool:
        """Whether to say that the guest ended: once, and after the last of its output was sent.

        One that was made to stop says so at once: it may be because nobody takes its output.
        """
        if self.has_announced_end:
            return False
        return self.outbox.sent == console_bytes or not by_itself or not self.speaks
