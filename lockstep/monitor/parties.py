"""Whom the monitor's decisions deal with: hosts, those who make them, and the console. Real ones or simulated."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol

from lockstep.host import messages as m


@dataclasses.dataclass(eq=False)
class Host:
    """One host as the monitor knows it. Times are seconds of the monitor's clock."""

    number: int
    spawned_at_s: float
    last_sign_s: float
    is_ready: bool = False
    beat: m.Beat | None = None
    dying_at_s: float | None = None
    ended: m.Ended | None = None
    crash_armed: bool = False
    is_told_to_end: bool = False
    pid: int | None = None
    """Its process; None while it is being forked, and for one that is none."""

    def send(self, message: m.Message, descriptors: tuple[int, ...] = ()) -> None:
        """Send; never fails. That a host is gone is noticed where its connection ends."""
        raise NotImplementedError

    def kill(self) -> None:
        """Have it killed; that it died is noticed where its connection ends."""
        raise NotImplementedError


class Fleet(Protocol):
    """Makes hosts, and what connects them. Descriptors are numbers that mean something to hosts."""

    @property
    def hosts(self) -> Mapping[int, Host]:
        """All hosts that were not forgotten."""

    def spawn(self, now_s: float) -> Host:
        """Make another host; it will say `Ready`."""

    def forget(self, host: Host) -> None:
        """Kill `host` to be sure, and let go of it."""

    def ring(self, generation: int, secondary: int) -> int:
        """A new ring's descriptor. `InternalError` if there is none to be had, as for a pipe."""

    def pipe(self) -> tuple[int, int]:
        """A new pipe's descriptors: where to read and where to write."""

    def close_descriptor(self, descriptor: int) -> None:
        """This side needs it no more."""


class Devices(Protocol):
    """Takes what disks and the network put out from hosts, and has to know whose to take (`ft.device_output`)."""

    def begin(self, primary: int, secondary: int) -> None:
        """Hosts with these numbers boot."""

    def follow(self, host: int) -> None:
        """`host` is to be cloned from the primary, which hasn't heard of that yet."""

    def let_go(self, host: int) -> None:
        """`host`, which may be no follower, can't go live any more: that is on record."""

    def fence(self, generation: int, survivor: int) -> None:
        """`survivor` won `generation`: when this returns, nobody else's output is taken any more (rule 5)."""


class NoDevices:
    """A machine without disks or network."""

    def begin(self, primary: int, secondary: int) -> None:
        """Nothing."""

    def follow(self, host: int) -> None:
        """Nothing."""

    def let_go(self, host: int) -> None:
        """Nothing."""

    def fence(self, generation: int, survivor: int) -> None:
        """Nothing."""


class Console(Protocol):
    """Where the guest's output goes."""

    @property
    def written(self) -> int:
        """How many bytes the world has."""

    def put(self, data: bytes) -> None:
        """Write `data` after all before it."""
