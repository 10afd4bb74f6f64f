"""One host: a machine in a thread of its own, and the state that it shares with the thread that talks to the monitor.

control thread   messages, heartbeat, console output       `process`
machine thread   runs the machine; between two runs, and only there, it serves requests    `lead`, `follow`
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable

from lockstep.errors import InternalError
from lockstep.ft.member import Member
from lockstep.ft.roles import Event, Role
from lockstep.host.channel import Channel
from lockstep.host.checkpointing import Checkpoint, fork_checkpoint
from lockstep.host.device_links import DeviceLinks, Retained
from lockstep.host.entries import entry_counts, take_entry
from lockstep.host.messages import Dying, Ended, Message, Wire
from lockstep.host.onlookers import Onlookers
from lockstep.host.tape import Tape
from lockstep.machine.checks import PAGE_BYTES, make_check
from lockstep.machine.machine import Machine, Stop
from lockstep.machine.soft_error import SoftError
from lockstep.machine.state import NEVER

Request = Callable[[], None]


class Host:
    """State of one host. What the control thread reads while the machine runs are single words."""

    def __init__(self, wire: Wire, machine: Machine, devices: DeviceLinks | None = None) -> None:
        """`machine` is built, or waits for a snapshot; `wire` leads to the monitor, `devices` to disks and network."""
        self.wire = wire
        self.machine = machine
        self.devices = devices
        if devices is not None:
            devices.connect(machine)
        self.member = Member()
        self.channel: Channel | None = None
        self.console_lock = threading.Lock()
        """Held by who changes or reads the member's outbox or inbox."""
        self.channel_lock = threading.Lock()
        """The control thread looks at the channel only under it: the machine thread unmaps what it closes."""
        self.requests: deque[Request] = deque()
        self.wake = threading.Event()
        self.ended: Ended | None = None
        self.ended_event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        """Readable once the machine thread has something new for the control thread: the guest's end."""
        self.crash_icount: int | None = None
        self.max_icount: int | None = None
        self.clone_wanted: Request | None = None
        self.clone_refused: Request = lambda: None
        """What to do instead of `clone_wanted`, to let go of what it holds."""
        self.has_started = False
        self.checkpoint_wanted: int | None = None
        """While it follows: the descriptor of the file that its state is to go to at the next quiet point."""
        self.checkpoint: Checkpoint | None = None
        """One that is being written."""
        self.tape: Tape | None = None
        """What is kept of the log until it is in the run's trace, if there is one."""
        self.soft_errors: list[SoftError] = []
        """What is still to happen to this machine while it is a secondary, by icount."""
        self.checks = 0
        """How often this machine was compared with its primary."""
        self.copies: list[int] = []
        """Process numbers of forked copies that send this machine's state."""
        self.stopped_at_s: float | None = None
        self.disks_above = 0
        """When a copy was made last: disk outputs from this number on were not in the files yet."""
        self.onlookers = Onlookers(machine)
        self._send_lock = threading.Lock()

    def send(self, message: Message, descriptors: tuple[int, ...] = ()) -> None:
        """From either thread."""
        with self._send_lock:
            self.wire.send(message, descriptors)

    def request(self, request: Request) -> None:
        """From the control thread: have the machine thread call `request` at its next natural stop."""
        self.requests.append(request)
        self.machine.kick()
        self.wake.set()

    def serve_requests(self) -> None:
        """In the machine thread, while the machine stands still."""
        self.wake.clear()
        self.machine.clear_kick()
        while self.requests:
            self.requests.popleft()()

    def pause(self, seconds: float | None) -> bool:
        """In the machine thread: wait, but not when somebody wants something; then serve that. Whether somebody did."""
        is_wanted = self.wake.wait(seconds)
        self.serve_requests()
        return is_wanted

    @property
    def role(self) -> Role:
        """What this host is to its pair."""
        return self.member.role

    def become(self, event: Event) -> None:
        """Change role by the transition table."""
        self.member.become(event)

    def limit(self) -> int:
        """The position at which a run has to come back for what was asked of this host by icount."""
        bounds = [bound for bound in (self.crash_icount, self.max_icount) if bound is not None]
        if not bounds:
            return NEVER
        return self.machine.position + max(min(bounds) - self.machine.icount, 0)

    def collect_console(self) -> None:
        """Move what the guest wrote into retention, if that has room; from either thread."""
        with self.console_lock:
            if self.member.may_collect:
                self.collect_all()

    def collect_all(self) -> None:
        """Move all that the guest wrote into retention, under `console_lock`."""
        data = self.machine.drain_console()
        self.onlookers.written(data, self.member.outbox.retention.end)
        self.member.outbox.made(data, self.machine.position)

    def written(self, count: int) -> None:
        """The world has the first `count` bytes of the console."""
        with self.console_lock:
            self.member.outbox.written(count)

    def channel_held(self) -> int | None:
        """The horizon below which the secondary holds everything; None without a channel."""
        with self.channel_lock:
            return None if self.channel is None else self.channel.held()

    def published(self) -> int:
        """How far the log reaches; 0 without one."""
        with self.channel_lock:
            return 0 if self.channel is None else self.channel.ring.horizon()

    def acknowledged(self) -> int | None:
        """How far the secondary has run; None without a channel."""
        with self.channel_lock:
            return None if self.channel is None else self.channel.ring.acknowledged()

    def end(self, stop: Stop | str) -> None:
        """The machine has come to its end, or is made to stop for good."""
        machine = self.machine
        with self.console_lock:
            self.collect_all()
        self.ended = Ended(
            stop=stop if isinstance(stop, str) else stop.name,
            exited=machine.exited,
            exit_code=machine.exit_code,
            icount=machine.icount,
            digest=machine.digest(),
            console_bytes=self.member.outbox.retention.end,
            at_s=self.stopped_at_s or time.monotonic(),
            log=entry_counts(machine),
            log_bytes=int(machine.control["entry_bytes"]),
            position=machine.position,
            pc=machine.pc,
            checks=self.checks,
            check=make_check(machine.wires, 0, machine.wires.ram.nbytes // PAGE_BYTES),
        )
        os.eventfd_write(self.ended_event, 1)

    def may_take(self, length: int) -> bool:
        """Whether there is room to keep an entry with a payload of `length` bytes, and for what devices do first."""
        return (self.tape is None or self.tape.has_room(length)) and self.machine.has_output_room

    def take(self, kind: int, payload: bytes) -> None:
        """In the machine thread: let an entry take effect where the machine stands, after `may_take`."""
        if not take_entry(self.machine, kind, payload):
            raise InternalError("a log entry found no room on the tape: a bug in lockstep")

    def keep_tape(self, tape: Tape) -> None:
        """Keep a copy of each entry from here on."""
        self.tape = tape
        self.machine.control["tape"], self.machine.control["forgets"] = tape.ring.base, 0

    def fork_checkpoint(self) -> None:
        """In the machine thread, at a quiet point: have the state written that was asked for."""
        descriptor, self.checkpoint_wanted = self.checkpoint_wanted, None
        if descriptor is not None:
            try:
                with contextlib.suppress(OSError):  # the monitor asks for another one in time
                    self.checkpoint = fork_checkpoint(self.machine, descriptor, self.leave_to_child)
            finally:
                os.close(descriptor)

    def forget_checkpoint(self) -> None:
        """This host goes live: others write checkpoints."""
        if self.checkpoint_wanted is not None:
            os.close(self.checkpoint_wanted)
            self.checkpoint_wanted = None

    def log_to(self, channel: Channel | None) -> None:
        """Log to `channel` from here on, or to none."""
        with self.channel_lock:
            before, self.channel = self.channel, channel
            self.machine.control["releases"] = self._releases
        self.machine.control["publish_at"] = 0
        self.machine.control["ring"] = 0 if channel is None else channel.ring.base
        if before is not None:
            before.close()

    @property
    def _releases(self) -> bool:
        """Whether what devices made may leave as soon as the machine has published on the log."""
        if self.channel is None:
            return self.role is Role.PRIMARY_ALONE
        return self.channel.holds_what_is_published

    def be_live(self) -> None:
        """In the machine's thread: from now on the machine takes what comes to its devices, and their output leaves."""
        control = self.machine.control
        control["is_live"] = 1
        with self.channel_lock:
            control["releases"] = self._releases
        if self.devices is not None:
            self.devices.listen(self.machine)

    def be_alone(self) -> None:
        """In the machine's thread: nobody follows, which is on record."""
        self.log_to(None)
        self.member.go_alone()
        with self.channel_lock:
            self.machine.control["releases"] = 1
        if self.devices is not None:
            self.devices.hold_from(0, 0)
        self.machine.announce_output()

    def release_output(self) -> None:
        """From the control thread: over TCP, what devices made may leave once the secondary has acknowledged it."""
        if self.devices is None or not self.member.speaks:
            return
        with self.channel_lock:
            if self.channel is None or self.machine.control["releases"]:
                return
            self.devices.release(min(self.channel.held(), self.machine.position))

    def crash_if_due(self) -> None:
        """Die for real, if this host was told to at an icount that it has reached."""
        if self.crash_icount is not None and self.machine.icount >= self.crash_icount:
            self.send(Dying(at_s=time.monotonic()))
            os.kill(os.getpid(), signal.SIGKILL)

    @property
    def is_at_max_icount(self) -> bool:
        """Whether the bound on the run has been reached."""
        return self.max_icount is not None and self.machine.icount >= self.max_icount

    def prepare_copy(self, secondary: int) -> Retained:
        """In the machine's thread, before it forks a copy for host `secondary`: what of its devices' output goes along.

        From now on the copy's disks are as they are here, while this machine writes on: nothing more may be applied
        that the copy hasn't made, too.
        """
        if self.devices is None:
            return [], []
        self.devices.hold_from(int(self.machine.board["disk_outputs"]), secondary)
        # The copy may have to write a trace's checkpoints: then it needs all that was ever written.
        self.disks_above = self.devices.applied if self.tape is None else 0
        return self.devices.retained()

    def leave_to_child(self) -> None:
        """In a forked copy: let go of all by which others could take it for its parent."""
        os.close(self.wire.fileno())
