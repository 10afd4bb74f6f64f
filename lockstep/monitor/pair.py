"""Runs a pair to its end: the event loop between hosts, console, clock and signals. `Supervisor` decides."""

from __future__ import annotations

import contextlib
import os
import selectors
import time
from pathlib import Path

from lockstep.errors import InternalError, LockstepError
from lockstep.host import messages as m
from lockstep.host.channel import new_secret
from lockstep.host.ending_signals import on_ending_signals
from lockstep.host.options import Remote, RunOptions
from lockstep.host.result import RunResult
from lockstep.host.terminal import raw_mode
from lockstep.host.trace_file import TraceFile
from lockstep.machine.config import MachineConfig
from lockstep.machine.loader.place import guest_name
from lockstep.monitor.arbiter import DirectoryArbiter
from lockstep.monitor.arbiter_directory import arbiter_directory
from lockstep.monitor.console import ConsoleWriter
from lockstep.monitor.control_server import controlled
from lockstep.monitor.devices import PairDevices
from lockstep.monitor.divergences import Divergences
from lockstep.monitor.ending import GRACE_S
from lockstep.monitor.executioner import Executioner, obey
from lockstep.monitor.fleet import Fleet, HostHandle, prepare_message
from lockstep.monitor.keyboard import Keyboard
from lockstep.monitor.observation import Observation
from lockstep.monitor.outcome import result_of
from lockstep.monitor.protection import Protector
from lockstep.monitor.recorder import Recorder
from lockstep.monitor.start_and_end import end_data, end_text, start_data
from lockstep.monitor.status import Observer
from lockstep.monitor.supervisor import HostFailedError, Supervisor

START_LIMIT_S = 120.0
TICK_S = 0.02


class PairMonitor:
    """One pair, from start to end."""

    def __init__(
        self, config: MachineConfig, options: RunOptions, directory: Path, observer: Observer | None = None
    ) -> None:
        """Start the fork server; nothing runs yet. `observer` gets what it can look at and act on the pair by."""
        self.options = options
        self.selector = selectors.PollSelector()  # epoll can't watch a regular file or /dev/null
        self.wake_reader, self.wake_writer = os.pipe()
        for end in (self.wake_reader, self.wake_writer):
            os.set_blocking(end, False)
        self.devices = PairDevices(config, options.forwards, options.say, self._wake)
        self.fleet = Fleet(
            directory, spawning=self._watch, forgetting=self._unwatch, links=self.devices.prepare
        )
        self.console = ConsoleWriter(options.write_console, self._wake)
        epoch = time.time_ns() if config.clock == "host" else None
        secret = new_secret() if options.channel == "tcp" else None
        protector = Protector(self.fleet, DirectoryArbiter(directory), epoch, secret, self.devices)
        protector.soft_errors = [str(error) for error in options.soft_errors]
        divergences = Divergences(options.on_divergence, options.say)
        self.supervisor = Supervisor(self.fleet, protector, self.console, options.max_icount, divergences)
        self.executioner = Executioner(options)
        self.keyboard = Keyboard(options.live_input, protector.source, self.selector)
        self.remote = options.remote or Remote()
        self.remote.wake = self._wake
        name = guest_name(config)
        self.observation = Observation(name, config, options, self.supervisor, self.remote)
        self.journal = protector.journal
        self.journal.now_s = time.monotonic()
        if observer is not None:
            observer(self.observation)
        self.journal.note("start", f"{name} is to run on a pair", **start_data(name, config, options))
        self.is_prepared = False
        self.recorder: Recorder | None = None
        self._has_trace_trouble = False
        if options.trace is not None:
            self.recorder = Recorder(TraceFile(options.trace, config, options, epoch), self.supervisor)
        self.selector.register(self.wake_reader, selectors.EVENT_READ, None)
        self.selector.register(self.fleet.wire, selectors.EVENT_READ, None)
        self.fleet.wire.send(prepare_message(config, options))

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self.wake_writer, b"\0")

    def _watch(self, handle: HostHandle) -> None:
        self.selector.register(handle.wire, selectors.EVENT_READ, handle)

    def _unwatch(self, handle: HostHandle) -> None:
        self.selector.unregister(handle.wire)
        self.devices.remove(handle.number)

    def close(self) -> None:
        """Kill what is left and let go of everything."""
        self.fleet.close()
        self.devices.close()
        if self.recorder is not None:
            self.recorder.close()
        self.console.close(GRACE_S)
        self.selector.close()
        os.close(self.wake_reader)

    def end(self, outcome: str) -> None:
        """End the run soon; also from a signal handler."""
        self.supervisor.ending.end(outcome, time.monotonic())
        self._wake()

    def start(self) -> None:
        """Bring both hosts to their start line."""
        deadline_s = time.monotonic() + START_LIMIT_S
        is_started = False
        while not self.supervisor.has_begun and self.supervisor.ending.reason is None:
            if self.is_prepared and not is_started:
                is_started = True
                self.supervisor.start(time.monotonic())
            if time.monotonic() > deadline_s:
                raise InternalError("the hosts did not start in time: is this machine overloaded?")
            self._poll(TICK_S)

    def run(self) -> None:
        """Serve until the run is over."""
        supervisor = self.supervisor
        if not supervisor.has_begun:
            return  # it was ended before it began
        while not supervisor.is_over(time.monotonic()):
            self.keyboard.watch()
            self._poll(self._tick_s())
            for host in supervisor.silent(time.monotonic()):
                # What it said before it fell silent may still wait to be read.
                self._hear(self.fleet.hosts.get(host.number))
                supervisor.give_up(host, time.monotonic())
            self._check_timeout()
            obey(self.remote, self.executioner, supervisor, time.monotonic())
            self.executioner.act(supervisor, time.monotonic())
            if (failure := self.console.failure or self.devices.failure) is not None:
                raise failure
            supervisor.tick(time.monotonic())
            self.observation.tick(time.monotonic())
            if self.recorder is not None:
                self.recorder.tick(time.monotonic())
                self._note_trace_trouble(self.recorder.file)
        if self.recorder is not None:
            self._finish_recording(self.recorder)
        self._drain_devices()

    def _drain_devices(self) -> None:
        """What the guest wrote before its end gets to where it belongs."""
        reason = self.supervisor.ending.reason
        if reason == "divergence":
            return  # nobody knows what the guest wrote

        def wait() -> None:
            self._poll(TICK_S)
            for host in self.supervisor.silent(time.monotonic()):
                self.supervisor.give_up(host, time.monotonic())

        self.devices.drain(wait, guest_ended=reason is None)

    def result(self) -> RunResult:
        """What the run came to."""
        left = len(self.executioner.schedule.left)
        result = result_of(self.supervisor, self.console.meter, left, time.monotonic())
        if self.recorder is not None:
            ended = self.supervisor.ending.ended
            result = self.recorder.file.end(result, None if ended is None else ended.position)
            self._note_trace_trouble(self.recorder.file)
        self.journal.now_s = time.monotonic()
        self.journal.note("end", end_text(result), **end_data(result))
        return result

    def _note_trace_trouble(self, file: TraceFile) -> None:
        if file.trouble is not None and not self._has_trace_trouble:
            self._has_trace_trouble = True
            text = f"the trace ends before the run: {file.trouble}"
            self.journal.note("trace-trouble", text, path=str(file.trace.options.path), trouble=file.trouble)

    def _finish_recording(self, recorder: Recorder) -> None:
        """What hosts still have for the trace comes in."""
        deadline_s = time.monotonic() + GRACE_S
        while not recorder.is_complete and time.monotonic() < deadline_s:
            recorder.tick(time.monotonic())
            self._poll(TICK_S)

    def _tick_s(self) -> float:
        at_s = self.executioner.next_at_s(self.supervisor)
        return TICK_S if at_s is None else min(TICK_S, max(at_s - time.monotonic(), 0.0005))

    def _poll(self, timeout_s: float) -> None:
        for key, _ in self.selector.select(timeout_s):
            if key.fd == self.wake_reader:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.wake_reader, 4096)
            elif key.fileobj is self.fleet.wire:
                self._hear_server()
            elif key.data is not self.keyboard:
                self._hear(self.fleet.hosts.get(key.data.number))
            elif self.keyboard.read():
                self.end("interrupted")

    def _hear_server(self) -> None:
        messages = self.fleet.wire.receive()
        if messages is None:
            raise InternalError("the fork server died")
        for message in messages:
            if isinstance(message, m.Prepared):
                self.is_prepared = True
            elif isinstance(message, m.Spawned):
                self.fleet.spawned(message)
            elif isinstance(message, m.Failed):
                raise HostFailedError(message.text, message.exit_code)

    def _hear(self, handle: HostHandle | None) -> None:
        if handle is None:
            return  # it was let go of since there was something to hear
        messages = handle.wire.receive()
        if messages is None:
            self.supervisor.gone(handle, time.monotonic())
            return
        for message in messages:
            if isinstance(message, m.Watched):
                self.observation.watching.hear(handle, message)
                continue
            self.supervisor.hear(handle, message, time.monotonic())
            if self.recorder is not None:
                self.recorder.hear(handle, message)

    def _check_timeout(self) -> None:
        timeout_s, started_at_s = self.options.timeout_s, self.supervisor.started_at_s
        if timeout_s is None or started_at_s is None or self.supervisor.is_all_written:
            return
        if time.monotonic() - started_at_s >= timeout_s:
            self.end("timeout")


def run_pair(config: MachineConfig, options: RunOptions, observer: Observer | None = None) -> RunResult:
    """Run the guest of `config` protected: a primary, a secondary, and this process as their monitor.

    Before it starts, `observer` gets a `StatusSource`.
    """
    with arbiter_directory() as directory:
        monitor = PairMonitor(config, options, directory, observer)
        try:
            with (
                raw_mode(options.live_input),
                on_ending_signals(lambda: monitor.end("interrupted")),
                controlled(monitor.observation, options.say),
            ):
                monitor.start()
                monitor.run()
                return monitor.result()
        except LockstepError as error:
            monitor.journal.note("end", f"the run fails: {error}", outcome="error", exit_code=error.exit_code)
            raise
        finally:
            monitor.close()
