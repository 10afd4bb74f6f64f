"""What a run is asked to do, beyond the machine's own config."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from lockstep.machine.soft_error import SoftError


@dataclasses.dataclass(frozen=True)
class Crash:
    """Kill a host: WHO@WHEN of the command line. Exactly one of `icount` and `after_s` is set."""

    who: str
    """`primary` or `secondary`."""
    icount: int | None = None
    after_s: float | None = None
    """Seconds since start."""


@dataclasses.dataclass(frozen=True)
class Order:
    """Something that is wanted of a running pair."""

    what: str
    """`primary` or `secondary`: that one is to die. Or `protect`, or `stop`."""
    by: str = ""
    """Who wants it."""


class Remote:
    """Acts on a running pair from another thread."""

    def __init__(self) -> None:
        """Nothing is wanted yet."""
        self._orders: deque[Order] = deque()
        self.wake: Callable[[], None] = lambda: None
        """Set by the monitor: makes it look."""

    def crash(self, who: str, by: str = "") -> None:
        """Kill the `primary` or the `secondary` now. `by` says who wants that, for the journal."""
        self._order(Order(who, by))

    def protect(self, by: str = "") -> None:
        """Make a new secondary now, if one is missing and its making was put off."""
        self._order(Order("protect", by))

    def stop(self, by: str = "") -> None:
        """End the run as an interrupt does."""
        self._order(Order("stop", by))

    def _order(self, order: Order) -> None:
        self._orders.append(order)
        self.wake()

    def take_orders(self) -> list[Order]:
        """For the monitor: what is wanted, in order."""
        orders = []
        while self._orders:
            orders.append(self._orders.popleft())
        return orders


@dataclasses.dataclass(frozen=True)
class CheckIntervals:
    """How often the two machines are compared while they run."""

    every_s: float | None = 0.05
    """Registers and devices; None: nothing is compared before the end."""
    ram_every_s: float | None = 0.8
    """All of RAM, a part at each check; None: not before the end."""


@dataclasses.dataclass(frozen=True)
class TraceOptions:
    """What to keep of the run."""

    path: Path
    keeps_guest: bool = True
    """Whether the guest's files go into the trace, or only their hashes."""
    checkpoint_every_s: float | None = 5.0
    """How far apart checkpoints are, at least: in a long run a part of the time since its start. None: none."""


@dataclasses.dataclass(frozen=True)
class OpenTrace:
    """A trace about to be written."""

    options: TraceOptions
    file: BinaryIO
    """Open for writing, and empty. Whoever runs the guest closes it."""
    guest_name: str
    guest_sha256: str


LOOPBACK = "127.0.0.1"


@dataclasses.dataclass(frozen=True)
class Forward:
    """A TCP port of this machine that leads to one of the guest's: HOST:GUEST of the command line."""

    host_port: int
    guest_port: int
    address: str = LOOPBACK
    """Of this machine, IPv4 or IPv6: where the port is open."""


CHANNELS = ("shm", "tcp")
ON_DIVERGENCE = ("stop", "reclone")


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """How to run a machine, solo or as a pair."""

    typed: bytes = b""
    """Console input from a file or a pipe, under the virtual clock typed at a fixed rate."""
    live_input: int | None = None
    """File descriptor of live console input, or None."""
    write_console: Callable[[bytes], None] = lambda data: None
    """Where the guest's output goes, raw."""
    timeout_s: float | None = None
    max_icount: int | None = None
    channel: str = "shm"
    crashes: tuple[Crash, ...] = ()
    crash_every_s: float | None = None
    crash_unprotected: bool = False
    remote: Remote | None = None
    checks: CheckIntervals = CheckIntervals()
    soft_errors: tuple[SoftError, ...] = ()
    """Bits to flip, in a secondary only."""
    on_divergence: str = "stop"
    """`stop`, or `reclone`: make a new secondary and go on."""
    forwards: tuple[Forward, ...] = ()
    """Ports that lead into a machine that has a network."""
    trace: OpenTrace | None = None
    say: Callable[[str], None] = lambda line: None
    """Where a line for the user goes while the guest runs."""
