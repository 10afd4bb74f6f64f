"""One run, one trace: hosts with real tapes that lag, die and are replaced, against a monitor that hears them late."""

from __future__ import annotations

import dataclasses
import random
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest

from lockstep.ft.member import EVERYTHING
from lockstep.host import messages as m
from lockstep.host.recording import Recording
from lockstep.log.entry import CLOCK
from lockstep.log.trace.coding import EntryBatch, decode_entries
from lockstep.monitor.parties import Host
from lockstep.monitor.recorder import Recorder

STEPS = 400


class FakeTrace:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.next_ordinal = 0
        self.positions: list[int] = []
        self.trace = SimpleNamespace(options=SimpleNamespace(checkpoint_every_s=None))

    def entries(self, first_ordinal: int, batch: EntryBatch, wall_ns: int) -> None:
        assert first_ordinal == self.next_ordinal
        self.positions += decode_entries(batch.body, batch.count).positions.tolist()
        self.next_ordinal += batch.count


@dataclasses.dataclass(eq=False)
class TapedHost(Host):
    """A host that has taken the first `taken` entries of the run; entry number n is stamped at n."""

    taken: int = 0
    to_host: deque[m.Message] = dataclasses.field(default_factory=deque)
    to_monitor: deque[Any] = dataclasses.field(default_factory=deque)

    def __post_init__(self) -> None:
        stub: Any = SimpleNamespace(
            keep_tape=lambda tape: None,
            send=self.to_monitor.append,
            channel_held=lambda: None,
            checkpoint=None,
            member=SimpleNamespace(speaks=True, held=lambda channel_held: EVERYTHING),
        )
        self.recording = Recording(stub)

    def send(self, message: m.Message, descriptors: tuple[int, ...] = ()) -> None:
        self.to_host.append(message)

    def take(self) -> None:
        assert self.recording.tape.ring.append(CLOCK, self.taken, 0, bytes(8)) is not None
        self.taken += 1


class Run:
    """A pair under a seeded schedule."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.trace = FakeTrace()
        self.hosts: dict[int, Host] = {}
        self.protector: Any = SimpleNamespace(primary=None, secondary=None)
        self.ending: Any = SimpleNamespace(ended=None)
        supervisor: Any = SimpleNamespace(
            fleet=SimpleNamespace(hosts=self.hosts),
            protector=self.protector,
            ending=self.ending,
            started_at_s=0.0,
        )
        trace: Any = self.trace
        self.recorder = Recorder(trace, supervisor)
        self.count = 0
        self.deaths = 0
        self.heard_share = self.random.choice((0.5, 1.0))
        self.protector.primary, self.protector.secondary = self.new_host(), self.new_host()
        self.now_s = 0.0

    def new_host(self) -> TapedHost:
        self.count += 1
        host = TapedHost(self.count, 0.0, 0.0)
        self.hosts[host.number] = host
        return host

    @property
    def primary(self) -> Any:
        return self.protector.primary

    @property
    def secondary(self) -> Any:
        return self.protector.secondary

    def taped(self) -> list[Any]:
        return list(self.hosts.values())

    def deliver(self, host: Any) -> None:
        """Some of what is under way arrives."""
        for _ in range(self.random.choice((0, 0, 0, 3))):
            if host.to_host:
                host.recording.hear(host.to_host.popleft())
            if host.to_monitor:
                self.recorder.hear(host, host.to_monitor.popleft())

    def die(self, host: Any) -> None:
        """What it had sent is read before its end is noticed, or, if it was only silent, may be lost."""
        self.deaths += 1
        while host.to_monitor and self.random.random() < self.heard_share:
            self.recorder.hear(host, host.to_monitor.popleft())
        del self.hosts[host.number]

    def step(self) -> None:
        self.now_s += 0.02
        choice = self.random.random()
        if choice < 0.4:
            self.primary.take()
        elif choice < 0.7 and self.secondary is not None and self.secondary.taken < self.primary.taken:
            self.secondary.take()
        elif choice < 0.75 and self.secondary is not None:
            self.lose(self.random.choice(("primary", "secondary")))
        elif choice < 0.85 and self.secondary is None:
            self.clone()
        for host in self.taped():
            host.recording.tick(self.now_s)
            self.deliver(host)
        self.recorder.tick(self.now_s)

    def lose(self, who: str) -> None:
        self.die(getattr(self.protector, who))
        if who == "primary":
            survivor = self.secondary
            while survivor.taken < self.primary.taken:
                survivor.take()  # it runs to the cut
            self.protector.primary = survivor
        self.protector.secondary = None

    def clone(self) -> None:
        copy, primary = self.new_host(), self.primary
        taped = primary.recording.tape.copy()
        copy.taken = primary.taken
        copy.recording.tape.begin_with(primary.taken - len(taped), taped)
        self.protector.secondary = copy

    def end(self) -> None:
        while self.secondary is not None and self.secondary.taken < self.primary.taken:
            self.secondary.take()
        self.ending.ended = SimpleNamespace(log={"clock": self.primary.taken})
        for _ in range(100):
            self.recorder.tick(self.now_s)
            for host in self.taped():
                self.deliver(host)
            if self.recorder.is_complete:
                return
        raise AssertionError(f"{self.trace.next_ordinal} of {self.primary.taken} entries recorded")


@pytest.mark.parametrize("seed", range(60))
def test_every_entry_is_recorded_once_and_in_order_whoever_dies(seed: int) -> None:
    run = Run(seed)
    for _ in range(STEPS):
        run.step()
    run.end()
    assert run.trace.positions == list(range(run.primary.taken)), f"seed {seed}, {run.deaths} deaths"
