"""The thread that runs a solo machine, so that another one can hear signals: native code hears none.

The worker alone touches the machine, but for `kick`. It owns no policy on when to end: it is told.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from lockstep.host.entries import (
    KEY_BYTES,
    take_entry,
    unreadable_payload,
    wants_entropy,
    wire_room,
)
from lockstep.host.live_input import Mailbox
from lockstep.host.options import RunOptions
from lockstep.host.pace import LAG_NS_MAX, SLICE_POSITIONS, Pace
from lockstep.host.result import ConsoleMeter
from lockstep.host.solo_recorder import SoloRecorder
from lockstep.log.entry import CHECK, CLOCK, DISK, END, ENTROPY, INPUT
from lockstep.machine.checks import make_check
from lockstep.machine.devices.finisher import KIND_EXIT
from lockstep.machine.machine import Machine, Stop
from lockstep.machine.state import NEVER

TAPE_WAIT_S = 0.005
OUTPUT_WAIT_S = 0.001
FLUSH_WAIT_S = 0.05
"""The sink wakes the machine earlier."""


class Worker(threading.Thread):
    """Runs `machine` until it ends by itself, fails, or is told to end."""

    def __init__(
        self,
        machine: Machine,
        options: RunOptions,
        done: Callable[[], None],
        recorder: SoloRecorder | None = None,
    ) -> None:
        """`done` is called in this thread when the machine has stopped for good. `recorder`: the run is traced."""
        # A daemon: one that hangs in a write to a stuck console must not keep the process.
        super().__init__(name="machine", daemon=True)
        self.machine = machine
        self.mailbox = Mailbox()
        self.meter = ConsoleMeter()
        self.outcome = ""
        self.failure: BaseException | None = None
        self.wall_s = 0.0
        self.is_parked = False
        self.is_writing = False
        self._options = options
        self._recorder = recorder
        self._done = done
        self.ending = ""
        """The outcome with which the run is to end; empty: it may go on."""
        self._wake = threading.Event()

    @property
    def needs_attention(self) -> bool:
        """Whether a running machine had better come back for a moment."""
        has_output = self.machine.board["console_bytes"] != self.machine.control["console_drained"]
        is_paced = self.machine.config.clock != "virtual"
        is_wanted = has_output or is_paced or self.mailbox
        if self._recorder is not None:
            is_wanted = is_wanted or self._recorder.is_hungry
        return not self.is_parked and not self.is_writing and bool(is_wanted)

    def end(self, outcome: str) -> None:
        """From any thread: stop at the next natural block. The first outcome counts."""
        self.ending = self.ending or outcome
        self.notice()

    def notice(self) -> None:
        """From any thread: look at the mailbox, the console and whether to end, soon."""
        self.machine.kick()
        self._wake.set()

    def arrived(self) -> None:
        """From any thread: something has come for the machine's devices."""
        self.machine.poke()
        self._wake.set()

    def run(self) -> None:
        """The thread's body."""
        start_s = time.monotonic()
        try:
            self._run_virtual() if self.machine.config.clock == "virtual" else self._run_paced()
        except BaseException as failure:
            self.failure = failure
        self.wall_s = self.wall_s or time.monotonic() - start_s
        self._done()

    def _run_virtual(self) -> None:
        start_s = time.monotonic()
        while not self.outcome:
            stop = self._run(self._limit())
            self.wall_s = time.monotonic() - start_s
            self._attend(stop)

    def _run_paced(self) -> None:
        pace = Pace(self.machine)
        while not self.outcome:
            stop = self._run(min(self._limit(), self.machine.position + SLICE_POSITIONS))
            self.wall_s = pace.real_ns / 1e9
            has_given = self._attend(stop)
            if self.outcome:
                return
            if stop == Stop.PARKED and not (has_given or self.machine.has_arrivals or self._take_input()):
                self.is_parked = True
                self._wake.wait(pace.until_event_s)
                self.is_parked = False
            elif pace.ahead_s:
                self._wake.wait(pace.ahead_s)
            correction = pace.correction(0 if stop == Stop.PARKED else LAG_NS_MAX)
            if correction is not None:
                self._take(CLOCK, correction)

    def _run(self, limit: int) -> Stop:
        """Run to `limit` or to what else stops the machine; make the check and the checkpoint that the trace wants."""
        machine, recorder = self.machine, self._recorder
        if recorder is None:
            return machine.run(limit=limit)
        before = machine.position
        is_due = recorder.checks.is_due(time.monotonic())
        stop = machine.run(
            limit=min(limit, before + 1) if is_due else limit, stop_when_quiet=recorder.wants_checkpoint
        )
        # Only who ran into its limit stands where a replay stops for an entry: not where it was kicked.
        if is_due and stop == Stop.REACHED and machine.position > before:
            first_page, pages = recorder.checks.take(time.monotonic())
            self._take(CHECK, make_check(machine.wires, first_page, pages))
        elif stop == Stop.QUIET:
            recorder.write_checkpoint()
        elif stop in (Stop.FINISHED, Stop.IDLE):
            self._take(END, b"")
        return stop

    def _take(self, kind: int, payload: bytes) -> None:
        """Let a log entry take effect, once the trace has room for it."""
        while self._recorder is not None and not self._recorder.tape.has_room(len(payload)):
            self._wake.wait(TAPE_WAIT_S)
        while not take_entry(self.machine, kind, payload):
            self._wake.wait(OUTPUT_WAIT_S)  # devices come first, and there is no room yet for their output

    def _limit(self) -> int:
        """Where to stop next for --max-icount: traps move positions too, so one stop may not be enough."""
        if self._options.max_icount is None:
            return NEVER
        return self.machine.position + max(self._options.max_icount - self.machine.icount, 0)

    def _take_input(self) -> bool:
        """Give the machine the input that came; whether there was any."""
        data = self.mailbox.take(wire_room(self.machine))
        if data:
            self._take(INPUT, data)
        return bool(data)

    def _attend(self, stop: Stop) -> bool:
        """What is due between two runs; whether the machine was given something, which may end its wait."""
        if stop in (Stop.OUTPUT_FULL, Stop.FLUSHING):
            self._wake.wait(OUTPUT_WAIT_S if stop == Stop.OUTPUT_FULL else FLUSH_WAIT_S)
        # In this order: what is set after the clearing is noticed the next time.
        self._wake.clear()
        self.machine.clear_kick()
        if stop == Stop.UNREADABLE:
            self._take(DISK, unreadable_payload(self.machine))
        has_given = False
        if stop not in (Stop.FINISHED, Stop.IDLE):
            has_given = self._take_input()
            if wants_entropy(self.machine):
                self._take(ENTROPY, os.urandom(KEY_BYTES))
                has_given = True
        self.machine.announce_output()
        self._write_console()
        if stop == Stop.FINISHED:
            # A reset powers off as well: nobody starts the machine again.
            self.outcome = "exit" if int(self.machine.board["finisher"]["kind"]) == KIND_EXIT else "poweroff"
        elif stop == Stop.IDLE:
            self.outcome = "idle"
        elif self._options.max_icount is not None and self.machine.icount >= self._options.max_icount:
            self.outcome = "max-icount"
        elif self.ending:
            self.outcome = self.ending
        return has_given

    def _write_console(self) -> None:
        data = self.machine.drain_console()
        if data:
            self.is_writing = True
            self._options.write_console(data)
            self.is_writing = False
            self.meter.add(data)
