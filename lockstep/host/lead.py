"""The machine thread as primary: runs live, stamps what arrives, logs it before it takes effect."""

from __future__ import annotations

import os
import time

from lockstep.ft.roles import Event
from lockstep.host.channel import Channel
from lockstep.host.check_schedule import CheckSchedule
from lockstep.host.device_links import Retained
from lockstep.host.entries import (
    KEY_BYTES,
    input_count,
    signed_pc,
    unreadable_payload,
    wants_entropy,
    wire_room,
)
from lockstep.host.host import Host
from lockstep.host.messages import Cloned, Started
from lockstep.host.options import CheckIntervals
from lockstep.host.pace import LAG_NS_MAX, Pace
from lockstep.host.transfer import send_state
from lockstep.log.entry import CHECK, CLOCK, DISK, END, ENTROPY, INPUT, Entry
from lockstep.machine.checks import PAGE_BYTES, make_check
from lockstep.machine.machine import Stop

RING_WAIT_S = 0.0005
OUTPUT_WAIT_S = 0.001
FLUSH_WAIT_S = 0.05
"""The sink wakes this host earlier, by its doorbell."""
LAG_WAIT_S_MAX = 0.01
LAG_WAIT_S_PER_POSITION = 0.25e-9
"""How long to wait for a secondary that lags: a quarter of what the guest would take to come so far."""
CLOCK_EVERY_NS = 4_000_000
"""Guest time is corrected this often while the guest runs."""


class Lead:
    """What a live host does between runs."""

    def __init__(self, host: Host, checks: CheckIntervals) -> None:
        """`host` stands at a natural block start and has the role of a primary."""
        self.host = host
        pages = host.machine.wires.ram.nbytes // PAGE_BYTES
        self.checks = CheckSchedule(checks, pages, time.monotonic())
        self.pace = Pace(host.machine) if host.machine.config.clock == "host" else None
        host.be_live()

    def step(self) -> None:
        """Run until something stops the machine, and deal with that."""
        host, machine = self.host, self.host.machine
        if not host.has_started:
            host.has_started = True
            host.send(Started(at_s=time.monotonic()))
        self._keep_pace()
        self._take_input()
        self._give_entropy()
        if host.ended is not None:
            return  # while it waited, it was told to finish
        before = machine.position
        stop = machine.run(limit=self._limit(), stop_when_quiet=host.clone_wanted is not None)
        if stop == Stop.KICKED:
            self._publish()
            host.serve_requests()
        elif stop == Stop.CONSOLE_FULL:
            self._make_room()
        elif stop == Stop.LAGGING:
            self._let_catch_up()
        elif stop in (Stop.OUTPUT_FULL, Stop.FLUSHING):
            self._publish()
            host.pause(OUTPUT_WAIT_S if stop == Stop.OUTPUT_FULL else FLUSH_WAIT_S)
        elif stop == Stop.UNREADABLE:
            self.append(DISK, unreadable_payload(machine))
        elif stop == Stop.QUIET and host.clone_wanted is not None:
            self._publish()
            clone, host.clone_wanted = host.clone_wanted, None
            clone()
        elif stop == Stop.PARKED:
            self._publish()
            self._wait_parked()
        elif stop == Stop.REACHED:
            # Only who ran into its limit stands where a secondary stops for an entry: not where it was kicked.
            if machine.position > before:
                self._check_if_due()
            self._at_icount()
        elif stop in (Stop.FINISHED, Stop.IDLE):
            self.end(stop)

    def end(self, stop: Stop | str) -> None:
        """The guest's last instruction has run."""
        host = self.host
        host.stopped_at_s = time.monotonic()
        if isinstance(stop, Stop):
            self.append(END, b"")
            if host.ended is not None:
                return
        # Nothing more will be stamped here. A secondary that may not pass this position would never find that the
        # guest is idle for ever, and what was stamped here wouldn't count as held.
        self._publish(1)
        host.end(stop)
        host.become(Event.GUEST_ENDED)

    def _limit(self) -> int:
        limit = self.host.limit()
        if self.pace is not None:
            limit = min(limit, self.host.machine.position + CLOCK_EVERY_NS)
        if self.is_check_due:
            limit = min(limit, self.host.machine.position + 1)
        return limit

    @property
    def is_check_due(self) -> bool:
        """From any thread: whether the machine should come to its next natural block start for a check."""
        return self.host.channel is not None and self.checks.is_due(time.monotonic())

    @property
    def until_check_s(self) -> float | None:
        """From any thread: how long until a check is due; None: nobody follows, or none is wanted."""
        return None if self.host.channel is None else self.checks.until_due_s(time.monotonic())

    def _check_if_due(self) -> None:
        """The machine reached its limit, or parked: log what a secondary must be like that comes here."""
        if self.is_check_due and self.host.machine.has_output_room:
            first_page, pages = self.checks.take(time.monotonic())
            self.append(CHECK, make_check(self.host.machine.wires, first_page, pages))

    def _at_icount(self) -> None:
        if self.host.ended is not None:
            return
        self.host.crash_if_due()
        if self.host.is_at_max_icount:
            self.end("max-icount")

    def _publish(self, beyond: int = 0) -> None:
        """Everything stamped below the position where the machine stands has been appended."""
        if self.host.channel is not None:
            self.host.channel.ring.publish(self.host.machine.position + beyond)
        self.host.machine.announce_output()

    def append(self, kind: int, payload: bytes) -> bool:
        """Log what happens here and now, then let it happen. Waits while the ring is full; nothing is dropped.

        False if this host was told to finish while it waited.
        """
        host, machine = self.host, self.host.machine
        while not host.may_take(len(payload)):
            self._publish()
            host.pause(RING_WAIT_S)
            if host.ended is not None:
                return False
        while host.channel is not None:
            if host.channel.ring.append(kind, machine.position, signed_pc(machine), payload) is not None:
                break
            self._publish()
            host.pause(RING_WAIT_S)
            if host.ended is not None:
                return False
        host.take(kind, payload)
        return True

    def type(self, offset: int, data: bytes) -> None:
        """Live input came from the monitor; what the machine already has is passed over."""
        with self.host.console_lock:
            self.host.member.type(offset, data, input_count(self.host.machine))

    def _take_input(self) -> None:
        host = self.host
        inbox = host.member.inbox
        if not inbox or host.ended is not None:
            return
        with host.console_lock:
            data = inbox.next(wire_room(host.machine))
        if data and self.append(INPUT, data):
            with host.console_lock:
                inbox.logged(len(data), input_count(host.machine), host.machine.position)

    def _give_entropy(self) -> None:
        if self.host.ended is None and wants_entropy(self.host.machine):
            self.append(ENTROPY, os.urandom(KEY_BYTES))

    def _keep_pace(self) -> None:
        if self.pace is None:
            return
        correction = self.pace.correction(LAG_NS_MAX)
        if correction is not None:
            self.append(CLOCK, correction)
        elif self.pace.ahead_s:
            self._publish()
            self.host.pause(self.pace.ahead_s)

    def _wait_parked(self) -> None:
        """Nothing runs: sleep until the guest's next event or until somebody wants something."""
        pace, host, machine = self.pace, self.host, self.host.machine
        assert pace is not None
        if machine.has_arrivals or wants_entropy(machine):
            return
        while True:
            is_wanted = host.pause(self._until_event_or_check_s(pace))
            if host.ended is not None:
                return
            is_due = bool(pace.real_ns >= machine.next_event_ns or host.member.inbox or machine.has_arrivals)
            if is_due or is_wanted:
                break
            self._check_if_due()
        correction = pace.correction() if is_due else None
        if correction is not None:
            self.append(CLOCK, correction)

    def _until_event_or_check_s(self, pace: Pace) -> float | None:
        return min(
            (seconds for seconds in (pace.until_event_s, self.until_check_s) if seconds is not None),
            default=None,
        )

    def _let_catch_up(self) -> None:
        """Gently at first, and the more the farther the secondary is behind."""
        host = self.host
        if host.channel is not None:
            behind = host.machine.position - host.channel.ring.acknowledged()
            host.pause(min(behind * LAG_WAIT_S_PER_POSITION, LAG_WAIT_S_MAX))

    def _make_room(self) -> None:
        host = self.host
        self._publish()
        before = int(host.machine.control["console_drained"])
        host.collect_console()
        if int(host.machine.control["console_drained"]) == before:
            host.pause(OUTPUT_WAIT_S)

    def clone(self, secondary: int, channel: Channel, stream: int) -> None:
        """At a quiet point: fork. The child, frozen, sends its state; the parent goes on at once, logging."""
        host = self.host
        started_s = time.monotonic()
        # All output so far goes with the copy, and what comes later waits for the new secondary.
        with host.console_lock:
            host.collect_all()
            taped = None if host.tape is None else host.tape.copy()
            retained = host.prepare_copy(secondary)
            child = os.fork()
            if child == 0:
                self._be_copy(stream, taped, retained)
            host.become(Event.CLONE)
            host.log_to(channel)
        self.checks.restart(time.monotonic())
        os.close(stream)
        host.copies.append(child)
        pause_ms = (time.monotonic() - started_s) * 1e3
        host.send(Cloned(secondary=secondary, icount=host.machine.icount, pause_ms=pause_ms))

    def _be_copy(self, stream: int, taped: list[Entry] | None, retained: Retained) -> None:
        """In the child, which has this one thread: send the state and be gone, whatever happens."""
        try:
            self.host.leave_to_child()
            send_state(self.host, stream, taped, retained)
        finally:
            os._exit(0)
