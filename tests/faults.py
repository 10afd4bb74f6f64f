"""Faults for pairs of real hosts: SIGKILL and SIGSTOP drawn at random, and a channel that flips bits.

The monitor runs in the test's own process, so that faults know who is who: a pair outlives one host at a time, so none
is taken from it that it can't spare.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest import mock

from lockstep.cli import session
from lockstep.ft.status import Protection
from lockstep.host.options import RunOptions
from lockstep.host.result import RunResult
from lockstep.machine.config import MachineConfig
from lockstep.monitor.arbiter_directory import arbiter_directory
from lockstep.monitor.executioner import Executioner
from lockstep.monitor.fleet import HostHandle
from lockstep.monitor.pair import PairMonitor
from lockstep.monitor.supervisor import Supervisor
from lockstep.native_image import COMPILE_VARIABLE

HANDSHAKE_BYTES = 64
"""What each side says before the first frame."""
SAME = ("outcome", "exit_code", "icount", "digest", "console")


def law(result: RunResult) -> dict[str, Any]:
    """What the golden law says is the same, however a run went."""
    return {name: getattr(result, name) for name in SAME}


def run_monitor(
    config: MachineConfig, options: RunOptions, prepare: Callable[[PairMonitor], None]
) -> RunResult:
    """Run a pair whose monitor was handed to `prepare` before it starts."""
    session.prepare()
    with arbiter_directory() as directory, mock.patch.dict(os.environ):
        os.environ.pop(
            COMPILE_VARIABLE, None
        )  # hosts are as a user's, though this process compiles for itself
        monitor = PairMonitor(config, options, directory)
        try:
            prepare(monitor)
            monitor.start()
            monitor.run()
            return monitor.result()
        finally:
            monitor.close()


@dataclasses.dataclass(frozen=True)
class Rates:
    """How often, and how long."""

    kill_gap_s_max: float = 0.08
    stop_gap_s_max: float = 0.15
    short_stop_s_max: float = 0.1
    long_stop_s: tuple[float, float] = (0.27, 0.4)
    """Longer than a heartbeat may be missing."""
    long_stop_chance: float = 0.25
    killed_in_the_making_chance: float = 0.4


class RandomFaults(Executioner):
    """In the executioner's place: hosts are killed and stopped at random moments, by real signals."""

    def __init__(self, draw: random.Random, rates: Rates | None = None) -> None:
        super().__init__(RunOptions())
        self.done: Counter[str] = Counter()
        self._draw, self._rates = draw, rates or Rates()
        self._stopped: dict[int, tuple[HostHandle, float]] = {}
        self._kill_at_s = self._stop_at_s = 0.0
        self._met: dict[int, bool] = {}

    def next_at_s(self, supervisor: Supervisor) -> float | None:
        """When something is due."""
        wakes = [until_s for _, until_s in self._stopped.values()]
        return min([self._kill_at_s, self._stop_at_s, *wakes])

    def act(self, supervisor: Supervisor, now_s: float) -> None:
        """Continue, stop and kill who is due."""
        is_over = supervisor.ending.ended is not None
        for number, (host, until_s) in list(self._stopped.items()):
            if is_over or now_s >= until_s:
                self._signal(host, signal.SIGCONT)
                del self._stopped[number]
        if supervisor.started_at_s is None or is_over:
            return
        if now_s >= self._stop_at_s:
            self._stop_at_s = now_s + self._draw.uniform(0, self._rates.stop_gap_s_max)
            self._stop_somebody(supervisor, now_s)
        if now_s >= self._kill_at_s:
            self._kill_at_s = now_s + self._draw.uniform(0, self._rates.kill_gap_s_max)
            self._kill_somebody(supervisor, now_s)

    def _stop_somebody(self, supervisor: Supervisor, now_s: float) -> None:
        hosts = list(supervisor.fleet.hosts.values())
        if any(host.dying_at_s is not None for host in hosts):
            return  # a primary that falls silent now would be replaced by a host that is dead
        victims = [host for host in hosts if isinstance(host, HostHandle) and host.pid is not None]
        if not victims:
            return
        victim, rates = self._draw.choice(victims), self._rates
        is_long = self._draw.random() < rates.long_stop_chance
        stop_s = (
            self._draw.uniform(*rates.long_stop_s)
            if is_long
            else self._draw.uniform(0, rates.short_stop_s_max)
        )
        self._signal(victim, signal.SIGSTOP)
        self._stopped[victim.number] = (victim, now_s + stop_s)
        self.done["stop, long" if is_long else "stop, short"] += 1

    def _kill_somebody(self, supervisor: Supervisor, now_s: float) -> None:
        protector = supervisor.protector
        if any(host.dying_at_s is not None for host in supervisor.fleet.hosts.values()):
            return
        primary, secondary, making = protector.primary, protector.secondary, protector.reprotection
        if protector.status is Protection.PROTECTED and primary is not None and secondary is not None:
            victim, who = primary, "kill, primary"
            # A primary that is stopped may be given up at any moment: its secondary must be there then.
            if primary.number not in self._stopped and self._draw.random() < 0.3:
                victim, who = secondary, "kill, secondary"
        elif making is not None and protector.failover is None and self._is_doomed(making.host.number):
            victim, who = making.host, "kill, in the making"
        else:
            return
        victim.dying_at_s = now_s
        self._signal(victim, signal.SIGKILL)
        self.done[who] += 1

    def _is_doomed(self, number: int) -> bool:
        """Whether the host in the making with this number is to be killed; drawn once, when first seen to be made."""
        if number not in self._met:
            self._met[number] = self._draw.random() < self._rates.killed_in_the_making_chance
            return False
        return self._met[number]

    @staticmethod
    def _signal(host: object, number: signal.Signals) -> None:
        assert isinstance(host, HostHandle)
        if host.pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(host.pidfd, number)


class FlippingProxy:
    """Between a primary and its secondary: passes on what both say, and flips one bit of it, once."""

    def __init__(self, port: int, draw: random.Random, bytes_max: int) -> None:
        """Listen; the secondary is at `port`. The bit is among the first `bytes_max` bytes of one direction, often
        among the first few.
        """
        self._far_port = port
        self._to_secondary = draw.random() < 0.7
        self._flip_at, self._bit = (
            draw.randrange(draw.choice((*4 * [bytes_max], HANDSHAKE_BYTES))),
            draw.randrange(8),
        )
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.has_flipped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __str__(self) -> str:
        direction = "secondary" if self._to_secondary else "primary"
        return f"bit {self._bit} of byte {self._flip_at} to the {direction}"

    def _run(self) -> None:
        near, _ = self._listener.accept()
        self._listener.close()
        with near, socket.create_connection(("127.0.0.1", self._far_port)) as far:
            back = threading.Thread(target=self._pump, args=(far, near, not self._to_secondary), daemon=True)
            back.start()
            self._pump(near, far, self._to_secondary)
            back.join()

    def _pump(self, source: socket.socket, target: socket.socket, flips: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := bytearray(source.recv(1 << 16)):
                if flips and passed <= self._flip_at < passed + len(data):
                    data[self._flip_at - passed] ^= 1 << self._bit
                    self.has_flipped = True
                target.sendall(data)
                passed += len(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def flip_bits(
    monitor: PairMonitor, draw: random.Random, bytes_max: int, proxies: list[FlippingProxy]
) -> None:
    """Put a `FlippingProxy` before every secondary of `monitor`'s; they are added to `proxies` as they come."""
    protector = monitor.supervisor.protector
    listening = protector.listening

    def through_proxy(host: Any, port: int) -> None:
        proxies.append(FlippingProxy(port, draw, bytes_max))
        listening(host, proxies[-1].port)

    protector.listening = through_proxy  # type: ignore[method-assign]
