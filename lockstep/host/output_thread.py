"""A thread that takes the output of a kind of device from the hosts' rings: what it knows of hosts and their roles."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from lockstep.ft.device_output import OutputRoles
from lockstep.host.fair_lock import FairLock

HostLink = TypeVar("HostLink")


class OutputThread(threading.Thread, Generic[HostLink]):
    """One run's. A subclass does the work in `step`, and waits for the bell there."""

    def __init__(self, name: str, say: Callable[[str], None], changed: Callable[[], None]) -> None:
        """`say` takes a line for the user, `changed` is called when something is new: in this thread."""
        super().__init__(name=name, daemon=True)
        self.bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        """Written by machines that have made something, and by who changes something here."""
        self.failure: BaseException | None = None
        """What went wrong with this thread itself."""
        self.roles = OutputRoles()
        self.links: dict[int, HostLink] = {}
        self.lock = FairLock()
        self.is_closing = False
        self.say, self.changed = say, changed

    # From other threads. Roles change under the lock: nobody else's output is taken any more when these return.

    def attach(self, host: int, link: HostLink) -> None:
        """`host` has come, with this link."""
        with self.lock:
            self.links[host] = link

    def remove(self, host: int) -> None:
        """`host` is gone, and so will be its rings."""
        with self.lock:
            self.links.pop(host, None)
            self.roles.let_go(host)
        self.ring_bell()

    def begin(self, primary: int, secondary: int | None = None) -> None:
        """These hosts boot."""
        with self.lock:
            self.roles.begin(primary, secondary)
        self.ring_bell()

    def follow(self, host: int) -> None:
        """`host` is to be cloned from the primary."""
        with self.lock:
            self.roles.follow(host)

    def let_go(self, host: int) -> None:
        """`host` can't go live any more."""
        with self.lock:
            self.roles.let_go(host)
        self.ring_bell()

    def fence(self, generation: int, survivor: int) -> None:
        """From now on take from `survivor` alone."""
        with self.lock:
            before = self.primary
            self.roles.fence(generation, survivor)
            self.take_over(before)
        self.ring_bell()

    def ring_bell(self) -> None:
        """Have the thread look again."""
        os.eventfd_write(self.bell, 1)

    def stop(self, limit_s: float | None = None) -> bool:
        """Let it finish what it is at, and wait for that. The bell is gone then. False: it hangs in something."""
        self.is_closing = True
        self.ring_bell()
        if self.is_alive():
            self.join(limit_s)
        if self.is_alive():
            return False
        os.close(self.bell)
        return True

    # The thread. Links are looked at under the lock.

    @property
    def primary(self) -> HostLink | None:
        """The link of the host whose output is taken."""
        return self.links.get(self.roles.primary)

    def take_over(self, before: HostLink | None) -> None:
        """The primary is another one now; `before` is the old one's link, unless it is gone."""
        raise NotImplementedError

    def step(self) -> bool:
        """Do what there is to do, or wait until there is something. Whether to go on."""
        raise NotImplementedError

    def run(self) -> None:
        """The thread's body."""
        try:
            while self.step():
                pass
        except BaseException as failure:
            self.failure = failure
            self.changed()
