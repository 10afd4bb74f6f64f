"""Who watches the secondary, and how hosts come to know: they tell what they do only while somebody wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lockstep.host import messages as m
from lockstep.monitor.parties import Host

Watcher = Callable[[int, m.Watched], None]
"""Gets a host's number and what it told, in the monitor's thread; must not block."""


class Watching:
    """The watchers of one pair."""

    def __init__(self) -> None:
        """Nobody watches."""
        self._watchers: list[Watcher] = []
        self._told: set[int] = set()

    def add(self, watcher: Watcher) -> None:
        """From any thread: `watcher` hears what the secondary tells."""
        self._watchers = [*self._watchers, watcher]

    def remove(self, watcher: Watcher) -> None:
        """From any thread: no more."""
        self._watchers = [one for one in self._watchers if one != watcher]

    def tick(self, hosts: Iterable[Host]) -> None:
        """Tell hosts whether anybody watches."""
        if not self._watchers and not self._told:
            return
        is_wanted = bool(self._watchers)
        numbers = set()
        for host in hosts:
            numbers.add(host.number)
            if host.is_ready and (host.number in self._told) is not is_wanted:
                host.send(m.Watch(on=is_wanted))
                self._told ^= {host.number}
        self._told &= numbers

    def hear(self, host: Host, message: m.Watched) -> None:
        """`host` told what it did."""
        for watcher in self._watchers:
            watcher(host.number, message)
