"""Runs a pair to its end: the event loop between hosts, console, clock and signals."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lockstep.errors import InternalError, LockstepError
from lockstep.ft.status import Protection
from lockstep.host import messages as m
from lockstep.host.channel import new_secret
from lockstep.host.live_input import read_available
from lockstep.host.options import RunOptions
from lockstep.host.result import OUTCOME_EXIT_CODES, RunResult
from lockstep.host.terminal import EscapeFilter, is_ours, raw_mode
from lockstep.log.layout import ENTRY_SIZE
from lockstep.machine.config import MachineConfig
from lockstep.monitor.arbiter_directory import arbiter_directory
from lockstep.monitor.console import ConsoleWriter
from lockstep.monitor.crashes import CrashSchedule
from lockstep.monitor.fleet import Fleet, HostHandle, prepare_message
from lockstep.monitor.protection import Protector

HEARTBEAT_LIMIT_S = 0.25
START_LIMIT_S = 120.0
HOST_START_LIMIT_S = 15.0
"""How long a forked host may take to its first sign of life."""
HOSTS_DEAD_AT_START_MAX = 4
TICK_S = 0.02
COMPARE_LIMIT_S = 20.0
"""How long the end of a protected run waits for the secondary to come to the same end."""
GRACE_S = 3.0
INPUT_BYTES_MAX = 1 << 15
INPUT_KEPT_BYTES_MAX = 1 << 18
"""Live input is left where it comes from while this much of it waits for the guest."""
_OUTCOMES = {"FINISHED": "poweroff", "IDLE": "idle"}


class _HostError(LockstepError):
    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class PairMonitor:
    """One pair, from start to end."""

    def __init__(self, config: MachineConfig, options: RunOptions, directory: Path) -> None:
        """Start the fork server; nothing runs yet."""
        self.options = options
        self.fleet = Fleet()
        epoch = time.time_ns() if config.clock == "host" else None
        secret = new_secret() if options.channel == "tcp" else None
        self.protector = Protector(self.fleet, directory, epoch, secret)
        self.selector = selectors.PollSelector()  # epoll can't watch a regular file or /dev/null
        self.wake_reader, self.wake_writer = os.pipe()
        for end in (self.wake_reader, self.wake_writer):
            os.set_blocking(end, False)
        self.console = ConsoleWriter(options.write_console, self._wake)
        self.crashes = CrashSchedule(options)
        if options.remote is not None:
            options.remote.wake = self._wake
        self.reported_written = 0
        self.started_at_s: float | None = None
        self.checked_at_s = 0.0
        self.ending: str | None = None
        self.ending_at_s = 0.0
        self.ended: m.Ended | None = None
        self.compared = 0
        self.mismatch: str | None = None
        self.input_open = options.live_input is not None
        self.input_watched = False
        self.escape = (
            EscapeFilter() if options.live_input is not None and is_ours(options.live_input) else None
        )
        self.selector.register(self.wake_reader, selectors.EVENT_READ, None)
        self.selector.register(self.fleet.wire, selectors.EVENT_READ, None)
        self.fleet.wire.send(prepare_message(config, options.typed))

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self.wake_writer, b"\0")

    def close(self) -> None:
        """Kill what is left and let go of everything."""
        self.fleet.close()
        self.console.close(GRACE_S)
        self.selector.close()
        os.close(self.wake_reader)

    def interrupt(self, outcome: str) -> None:
        """From a signal handler: end the run."""
        if self.ending is None:
            self.ending, self.ending_at_s = outcome, time.monotonic()
            self._wake()

    # Start.

    def start(self) -> None:
        """Bring both hosts to their start line."""
        deadline_s = time.monotonic() + START_LIMIT_S
        self._until(lambda: self._prepared, deadline_s)
        hosts = [self._spawn(), self._spawn()]
        dead = 0
        while self.ending is None and not all(host.is_ready for host in hosts):
            self._until(
                lambda: all(host.is_ready for host in hosts) or any(map(self._is_dead, hosts)), deadline_s
            )
            for at, host in enumerate(hosts):
                if self._is_dead(host):
                    dead += 1
                    if dead > HOSTS_DEAD_AT_START_MAX:
                        raise InternalError("the hosts die before the guest has started")
                    hosts[at] = self._spawn()
        if self.ending is None:
            self.protector.begin(*hosts)

    def _is_dead(self, host: HostHandle) -> bool:
        return host.number not in self.fleet.hosts

    _prepared = False

    def _until(self, done: Any, deadline_s: float) -> None:
        while not done():
            if self.ending is not None:
                return
            if time.monotonic() > deadline_s:
                raise InternalError("the hosts did not start in time: is this machine overloaded?")
            self._poll(TICK_S)

    def _spawn(self) -> HostHandle:
        handle = self.fleet.spawn()
        self._watch(handle)
        return handle

    def _watch(self, handle: HostHandle) -> None:
        self.selector.register(handle.wire, selectors.EVENT_READ, handle)

    # The loop.

    def run(self) -> None:
        """Serve until the run is over."""
        if self.protector.primary is None:
            return  # it was ended before it began
        while not self._is_over():
            self._watch_input()
            self._poll(self._tick_s())
            self._check_heartbeats()
            self._check_time()
            self._crash()
            self._pass_input()
            self._report_written()
            if self.ending is None and self.ended is None:
                self._reprotect()

    def _tick_s(self) -> float:
        at_s = self.crashes.next_at_s
        if at_s is None or self.started_at_s is None:
            return TICK_S
        return min(TICK_S, max(self.started_at_s + at_s - time.monotonic(), 0.0005))

    def _poll(self, timeout_s: float) -> None:
        for key, _ in self.selector.select(timeout_s):
            if key.fd == self.wake_reader:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.wake_reader, 4096)
            elif key.fileobj is self.fleet.wire:
                self._hear_server()
            elif key.data is not None:
                self._hear(key.data)
            else:
                self._read_input()

    def _hear_server(self) -> None:
        messages = self.fleet.wire.receive()
        if messages is None:
            raise InternalError("the fork server died")
        for message in messages:
            if isinstance(message, m.Prepared):
                self._prepared = True
            elif isinstance(message, m.Spawned):
                self.fleet.spawned(message)
            elif isinstance(message, m.Failed):
                raise _HostError(message.text, message.exit_code)

    def _hear(self, handle: HostHandle) -> None:
        if self._is_dead(handle):
            return  # it was let go of since there was something to hear
        messages = handle.wire.receive()
        if messages is None:
            self._gone(handle)
            return
        if messages:
            handle.last_sign_s = time.monotonic()
        for message in messages:
            self._handle(handle, message)

    def _gone(self, handle: HostHandle) -> None:
        if handle.number not in self.fleet.hosts:
            return
        self.selector.unregister(handle.wire)
        detected_at_s = time.monotonic()
        was_needed = handle is self.protector.primary and self.ended is None
        making = self.protector.reprotection
        survives = self.protector.host_gone(handle, detected_at_s)
        if making is not None and making.host is not handle and self._is_dead(making.host):
            self.selector.unregister(making.host.wire)
        if not survives and was_needed:
            self._no_host()

    def _no_host(self) -> None:
        if self.ending is None:
            self.ending, self.ending_at_s = "no-host", 0.0

    def _handle(self, handle: HostHandle, message: m.AnyMessage) -> None:
        protector = self.protector
        if isinstance(message, m.Output):
            self.console.put(protector.sink.accept(message.generation, message.offset, message.data))
        elif isinstance(message, m.Beat):
            handle.beat = message
        elif isinstance(message, m.Ready):
            handle.is_ready = True
            if self.options.max_icount is not None:
                handle.send(m.Finish(reason="max-icount", max_icount=self.options.max_icount))
            protector.host_ready(handle)
        elif isinstance(message, m.Listening):
            protector.listening(handle, message.port)
        elif isinstance(message, m.ChannelLost):
            self._channel_lost(handle, message.secondary)
        elif isinstance(message, m.Started):
            self.started_at_s = message.at_s
        elif isinstance(message, m.InputTaken):
            if handle is protector.primary:
                protector.source.confirm(message.count)
        elif isinstance(message, m.Live):
            protector.went_live(message)
        elif isinstance(message, m.Cloned):
            protector.cloned(message)
        elif isinstance(message, m.Received):
            protector.received(handle, message)
        elif isinstance(message, m.CaughtUp):
            protector.caught_up(handle)
        elif isinstance(message, m.Dying):
            handle.dying_at_s = message.at_s
        elif isinstance(message, m.Ended):
            self._host_ended(handle, message)
        elif isinstance(message, m.Failed):
            self._host_failed(handle, message)

    def _host_ended(self, handle: HostHandle, message: m.Ended) -> None:
        handle.ended = message
        if handle is self.protector.primary:
            self.ended = message
            self.protector.is_over = True
            self.ending_at_s = time.monotonic()

    def _channel_lost(self, handle: HostHandle, secondary: int) -> None:
        """The primary can't reach who follows it: that one is of no more use."""
        protector = self.protector
        if handle is not protector.primary:
            return
        follower = self.fleet.hosts.get(secondary)
        if follower is not None and follower is not protector.primary:
            self._gone(follower)

    def _host_failed(self, handle: HostHandle, message: m.Failed) -> None:
        if message.exit_code == OUTCOME_EXIT_CODES["divergence"]:
            self.mismatch = message.text
        elif handle is self.protector.primary and self.protector.failover is None:
            raise _HostError(message.text, message.exit_code)
        else:
            handle.kill()

    # Every round.

    def _check_heartbeats(self) -> None:
        now_s = time.monotonic()
        was_late = now_s - self.checked_at_s > HEARTBEAT_LIMIT_S / 2
        self.checked_at_s = now_s
        if was_late:
            # It is this process that was held up; what hosts said meanwhile waits to be read.
            return
        for handle in list(self.fleet.hosts.values()):
            limit_s = HOST_START_LIMIT_S if handle.beat is None else HEARTBEAT_LIMIT_S
            if now_s - handle.last_sign_s <= limit_s:
                continue
            if handle is self.protector.primary and self.protector.secondary is None:
                continue  # nobody could take over: a host that may wake is better than none
            # What it said before it fell silent may still wait to be read.
            self._hear(handle)
            if now_s - handle.last_sign_s > limit_s:
                self._gone(handle)

    def _check_time(self) -> None:
        timeout_s = self.options.timeout_s
        if timeout_s is not None and self.started_at_s is not None and not self._is_all_written:
            is_over = time.monotonic() - self.started_at_s >= timeout_s
            if is_over:
                self.interrupt("timeout")
        primary = self.protector.primary
        if self.ending is not None and self.ended is None and primary is not None:
            if not primary.is_told_to_end:
                primary.send(m.Finish(reason=self.ending))
            primary.is_told_to_end = True

    @property
    def _is_all_written(self) -> bool:
        """Whether the guest has ended and the world has all its output."""
        return self.ended is not None and self.console.written >= self.ended.console_bytes

    def _crash(self) -> None:
        if self.started_at_s is None or self.ended is not None:
            return
        protector = self.protector
        for who in self.options.remote.take_victims() if self.options.remote is not None else ():
            self._kill(protector.primary if who == "primary" else protector.secondary)
        hosts = self.fleet.hosts.values()
        if any(host.crash_armed for host in hosts) and not self.options.crash_unprotected:
            return
        # A host takes its time to die: until that is noticed the pair looks Protected and isn't.
        is_dying = any(host.dying_at_s is not None for host in hosts)
        is_protected = protector.status is Protection.PROTECTED and not is_dying
        since_s = time.monotonic() - self.started_at_s
        for crash in self.crashes.due(since_s, is_protected=is_protected):
            victim = protector.primary if crash.who == "primary" else protector.secondary
            if crash.icount is None:
                self._kill(victim)
            elif victim is not None:
                victim.crash_armed = True
                victim.send(m.CrashAt(icount=crash.icount))

    def _kill(self, victim: HostHandle | None) -> None:
        if victim is not None:
            victim.dying_at_s = time.monotonic()
            victim.kill()

    def _watch_input(self) -> None:
        """Look for live input unless too much of it waits already."""
        source = self.options.live_input
        has_room = self.protector.source.kept_bytes < INPUT_KEPT_BYTES_MAX
        if source is None or not self.input_open or self.input_watched == has_room:
            return
        self.input_watched = has_room
        if has_room:
            self.selector.register(source, selectors.EVENT_READ, None)
        else:
            self.selector.unregister(source)

    def _read_input(self) -> None:
        source = self.options.live_input
        assert source is not None
        data = read_available(source, INPUT_BYTES_MAX)
        if data is None:
            self.selector.unregister(source)
            self.input_open = self.input_watched = False
            return
        leave = False
        if self.escape is not None:
            data, leave = self.escape.keys(data)
        self.protector.source.arrive(data)
        if leave:
            self.interrupt("interrupted")

    def _pass_input(self) -> None:
        protector = self.protector
        if protector.primary is None or protector.failover is not None:
            return
        offset, data = protector.source.offer(INPUT_BYTES_MAX)
        if data:
            protector.primary.send(m.Input(offset=offset, data=data))

    def _report_written(self) -> None:
        if self.console.failure is not None:
            raise self.console.failure
        if self.console.written != self.reported_written:
            self.reported_written = self.console.written
            for host in (self.protector.primary, self.protector.secondary):
                if host is not None:
                    host.send(m.SinkProgress(written=self.reported_written))

    def _reprotect(self) -> None:
        before = self.protector.reprotection
        self.protector.reprotect()
        making = self.protector.reprotection
        if making is not None and making is not before:
            self._watch(making.host)

    # End.

    def _is_over(self) -> bool:
        if self.mismatch is not None:
            self.ending = "divergence"
            return True
        if self.ending == "no-host":
            return True
        now_s = time.monotonic()
        if self.ended is None or not self._is_all_written or self.protector.failover is not None:
            return self.ending is not None and now_s - self.ending_at_s > GRACE_S
        secondary = self.protector.secondary
        is_comparable = self.ended.stop in _OUTCOMES and secondary is not None
        if not is_comparable or secondary is None or now_s - self.ending_at_s > COMPARE_LIMIT_S:
            return True
        if secondary.ended is None:
            return False
        self._compare(self.ended, secondary.ended)
        return True

    def _compare(self, ours: m.Ended, theirs: m.Ended) -> None:
        self.compared = 1
        for what in ("icount", "digest", "console_bytes", "exit_code"):
            expected, actual = getattr(ours, what), getattr(theirs, what)
            if expected != actual:
                self.mismatch = (
                    f"divergence at the end: {what} is {expected} on the primary, {actual} on the secondary"
                )
                self.ending = "divergence"

    def result(self) -> RunResult:
        """What the run came to."""
        ended = self.ended
        outcome = self.ending or "error"
        exit_code = OUTCOME_EXIT_CODES[outcome]
        if ended is not None and self.ending != "divergence":
            outcome = _OUTCOMES.get(ended.stop, ended.stop)
            if ended.stop == "FINISHED":
                outcome, exit_code = ("exit" if ended.exited else "poweroff"), ended.exit_code
            else:
                exit_code = OUTCOME_EXIT_CODES[outcome]
            if not self._is_all_written and self.ending is not None:
                outcome, exit_code = self.ending, OUTCOME_EXIT_CODES[self.ending]
        last_s = ended.at_s if ended is not None else time.monotonic()
        message = self.mismatch or ""
        if outcome == "no-host":
            message = "no host is left to run the guest"
        elif ended is not None and not self._is_all_written:
            message = "the last output could not be written: nobody reads it"
        elif self.crashes.left:
            message = f"{len(self.crashes.left)} scheduled crash(es) did not come about before the end"
        log = None
        if ended is not None:
            entries = sum(ended.log.values())
            log = {"entries": entries, "bytes": ended.log_bytes + entries * ENTRY_SIZE, "kinds": ended.log}
        return RunResult(
            outcome=outcome,
            exit_code=exit_code,
            icount=ended.icount if ended is not None else None,
            wall_s=max(last_s - self.started_at_s, 0.0) if self.started_at_s is not None else 0.0,
            console=self.console.meter.report(),
            digest=ended.digest if ended is not None else None,
            log=log,
            checks={"compared": self.compared, "mismatched": int(self.mismatch is not None)},
            failovers=self.protector.failovers,
            clones=self.protector.clones,
            message=message,
        )


@contextlib.contextmanager
def _signals(monitor: PairMonitor) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, lambda *_: monitor.interrupt("interrupted")) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def run_pair(config: MachineConfig, options: RunOptions) -> RunResult:
    """Run the guest of `config` protected: a primary, a secondary, and this process as their monitor."""
    with arbiter_directory() as directory:
        monitor = PairMonitor(config, options, directory)
        try:
            with raw_mode(options.live_input), _signals(monitor):
                monitor.start()
                monitor.run()
                return monitor.result()
        finally:
            monitor.close()
