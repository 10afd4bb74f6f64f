"""How a pair stands, as a value: what the live view draws, `watch` and `ps` print and metrics count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from lockstep.host.messages import Watched
from lockstep.host.options import Remote


class HostStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One host process."""

    number: int
    role: str
    """`primary`, `secondary`, `going live` or `starting`."""
    pid: int | None
    icount: int
    behind_positions: int
    """How far it trails what its primary has published; 0 for a primary."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to the pair; a line of the journal."""

    at_s: float
    """Seconds since the guest's first instruction; below 0 or 0 before it."""
    kind: str
    """`start`, `host-started`, `host-lost`, `failover`, `clone`, `protected`, `not-protected`, `divergence`, ..."""
    text: str
    """One line for people."""
    data: dict[str, Any] = {}
    """The same for programs; keys with units."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """One pair, at one moment."""

    name: str
    """The pair's name: the guest's, with a number if there are several."""
    monitor_pid: int
    guest: str
    clock: str
    channel: str
    harts: int
    memory_bytes: int
    uptime_s: float
    """Since the guest's first instruction; 0 before it."""
    protection: str
    """In VMware FT's words (`lockstep.ft.status`)."""
    reason: str
    """Why it is not protected, if there is more to say; else empty."""
    generation: int
    hosts: list[HostStatus]
    icount: int
    mips: float
    """Of the last second or so."""
    interval_ms: float
    """vLockstep interval: how far the secondary trails."""
    log_entries: int
    log_bytes: int
    log_kinds: dict[str, int]
    """Entries by kind since the start."""
    checks_compared: int
    checks_mismatched: int
    console_bytes: int
    failovers: list[dict[str, Any]]
    """As in the report."""
    clones: list[dict[str, Any]]
    """As in the report."""
    happenings: list[Happening]
    """The last ones, oldest first."""


class StatusSource(Protocol):
    """A running pair, for those who look at it or act on it; from any thread."""

    name: str
    """How people call it."""
    remote: Remote

    def status(self) -> Status:
        """How it stands now: some 50 µs, nobody is waited for."""

    def watch(self, watcher: Callable[[int, Watched], None]) -> None:
        """Have `watcher` called in the monitor's thread with what each secondary (its number) does."""

    def unwatch(self, watcher: Callable[[int, Watched], None]) -> None:
        """No more."""

    def listen(self, listener: Callable[[Happening], None]) -> None:
        """Have `listener` called in the monitor's thread with what happens from now on; it must not block."""


Observer = Callable[[StatusSource], None]
"""Called once, before the pair starts."""
