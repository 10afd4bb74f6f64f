"""A host process: the control thread, and the machine thread that it starts."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
import traceback
from collections.abc import Callable

from lockstep.errors import LockstepError, LogError
from lockstep.ft.roles import Event, Role
from lockstep.host import messages as m
from lockstep.host.channel import (
    Channel,
    SharedMemoryChannel,
    TcpPrimaryChannel,
    TcpSecondaryChannel,
    listen,
)
from lockstep.host.device_links import DeviceLinks
from lockstep.host.divergence import MachinesDifferError, divergence_message
from lockstep.host.entries import entry_counts
from lockstep.host.follow import Follow
from lockstep.host.host import Host
from lockstep.host.lead import Lead
from lockstep.host.options import CheckIntervals
from lockstep.host.recording import Recording
from lockstep.host.trailing import Trailing
from lockstep.host.transfer import receive_state
from lockstep.log.shared import SharedRing
from lockstep.machine.machine import Machine
from lockstep.machine.soft_error import parse_soft_error

TICK_S = 0.002
"""How often output is looked for and sent for BUSY_S after input, which may be somebody's who waits for an echo."""
CALM_TICK_S = 0.008
"""How often else: every tick of a guest that prints costs this host, the monitor and the other host some time."""
BUSY_S = 0.1
BEAT_S = 0.04
HOST_FAILED = 70


class HostProcess:
    """Talks to the monitor; ends with it."""

    def __init__(
        self,
        wire: m.Wire,
        build: Callable[[bool], Machine],
        checks: CheckIntervals,
        *,
        is_traced: bool = False,
        devices: DeviceLinks | None = None,
    ) -> None:
        """`build(boot)` makes the machine, booted or waiting for a snapshot; `devices` connect it with the world."""
        self.wire = wire
        self.build = build
        self.checks = checks
        self.host: Host | None = None
        self.lead: Lead | None = None
        self.next_beat_s = 0.0
        self.busy_until_s = 0.0
        self.max_icount: int | None = None
        self.is_traced = is_traced
        self.devices = devices
        self.recording: Recording | None = None
        self.trailing = Trailing()
        self.is_watched = False

    def run(self) -> None:
        """Serve until the monitor goes away."""
        self.wire.send(m.Ready())
        while True:
            heard: list[m.Wire | int] = [self.wire]
            if self.host is not None:
                heard.append(self.host.ended_event)
            if self.host is not None and self.devices is not None:
                heard.append(self.devices.doorbell)
            ready, _, _ = select.select(heard, [], [], None if self.host is None else self._tick_s(self.host))
            if self.host is not None and self.host.ended_event in ready:
                os.eventfd_read(self.host.ended_event)
            if self.host is not None and self.devices is not None and self.devices.doorbell in ready:
                os.eventfd_read(self.devices.doorbell)
                self.host.machine.poke()
                self.host.wake.set()
                if not self.host.machine.control["releases"]:
                    # Over TCP output leaves at ticks, and somebody waits for some.
                    self.busy_until_s = time.monotonic() + BUSY_S
            if self.wire in ready:
                received = self.wire.receive()
                if received is None:
                    return
                for message in received:
                    self._handle(message)
            if self.host is not None:
                self._tick(self.host)

    # Messages.

    def _handle(self, message: m.AnyMessage) -> None:
        host = self.host
        if isinstance(message, m.StartPrimary | m.StartSecondary):
            self._start(message)
        elif isinstance(message, m.Watch):
            self.is_watched = message.on
            if host is not None:
                self._look_for_onlookers(host)
        elif isinstance(message, m.Finish) and host is None:
            self.max_icount = message.max_icount
        elif host is None:
            return
        elif isinstance(message, m.SinkProgress):
            host.written(message.written)
            host.wake.set()
        elif isinstance(message, m.GoLive):
            host.request(lambda: self._go_live(message))
        elif isinstance(message, m.GoAlone):
            host.request(self._go_alone)
        elif isinstance(message, m.Clone):
            self._prepare_clone(host, message)
        elif isinstance(message, m.Input):
            self.busy_until_s = time.monotonic() + BUSY_S
            host.request(lambda: self._type(message))
        elif isinstance(message, m.CrashAt):
            host.request(lambda: setattr(host, "crash_icount", message.icount))
        elif isinstance(message, m.Finish):
            host.request(lambda: self._finish(message))
        elif self.recording is not None:
            self.recording.hear(message)

    def _start(self, message: m.StartPrimary | m.StartSecondary) -> None:
        cloned = isinstance(message, m.StartSecondary) and message.cloned
        machine = self.build(not cloned)
        if message.rtc_epoch_ns is not None and not cloned:
            machine.board["rtc_epoch_ns"] = message.rtc_epoch_ns
        host = self.host = Host(self.wire, machine, self.devices)
        if self.devices is not None and not cloned:
            self.devices.begin(machine)
        host.member.generation = 1 if message.route is None else message.route.generation
        host.max_icount = self.max_icount
        if self.is_traced:
            self.recording = Recording(host)
        if isinstance(message, m.StartPrimary):
            host.become(Event.START_PRIMARY)
            if message.route is None:
                host.become(Event.SECONDARY_LOST)
            elif (channel := self._channel_to(message.route)) is not None:
                host.log_to(channel)
            else:
                host.send(m.ChannelLost(secondary=message.route.secondary, text="it is gone already"))
        else:
            host.soft_errors = sorted(map(parse_soft_error, message.soft_errors), key=lambda e: e.icount)
            host.channel = self._secondary_channel(message.route)
            host.become(Event.START_RECEIVING if cloned else Event.START_SECONDARY)
        stream = self.wire.descriptors.popleft() if cloned else None
        threading.Thread(target=self._machine_thread, args=(host, stream), daemon=True).start()

    def _primary_channel(self, route: m.Route) -> Channel:
        if route.secret is None:
            return self._shared_memory(route)

        def lost(text: str) -> None:
            with contextlib.suppress(OSError):
                if self.host is not None:
                    self.host.send(m.ChannelLost(secondary=route.secondary, text=text))

        return TcpPrimaryChannel(route.port, route.secret, route.generation, route.secondary, lost)

    def _secondary_channel(self, route: m.Route) -> Channel:
        if route.secret is None:
            return self._shared_memory(route)
        listener = listen()
        self.wire.send(m.Listening(port=listener.getsockname()[1]))
        return TcpSecondaryChannel(listener, route.secret, route.generation, route.secondary)

    def _shared_memory(self, route: m.Route) -> Channel:
        descriptor = self.wire.descriptors.popleft()
        return SharedMemoryChannel(SharedRing.attach(descriptor, route.generation, route.secondary))

    # Requests: they run in the machine thread, at a natural stop.

    def _go_live(self, message: m.GoLive) -> None:
        host = self.host
        assert host is not None and host.channel is not None
        host.channel.cut()
        with host.console_lock:
            host.member.go_live(message.generation, message.sink_bytes)

    def _go_alone(self) -> None:
        host = self.host
        assert host is not None
        if host.clone_wanted is not None:
            host.clone_wanted = None
            host.clone_refused()
        host.be_alone()

    def _type(self, message: m.Input) -> None:
        if self.lead is not None:
            self.lead.type(message.offset, message.data)

    def _finish(self, message: m.Finish) -> None:
        host = self.host
        assert host is not None
        if message.max_icount is not None:
            host.max_icount = message.max_icount
        elif self.lead is not None and host.ended is None:
            self.lead.end(message.reason)

    def _prepare_clone(self, host: Host, message: m.Clone) -> None:
        channel = self._channel_to(message.route)
        stream = self.wire.descriptors.popleft()

        def begin() -> None:
            if channel is None or host.role is not Role.PRIMARY_ALONE or self.lead is None:
                self._forget_clone(channel, stream)
                return
            lead = self.lead
            host.clone_wanted = lambda: lead.clone(message.route.secondary, channel, stream)
            host.clone_refused = lambda: self._forget_clone(channel, stream)

        host.request(begin)

    def _channel_to(self, route: m.Route) -> Channel | None:
        """None: the other host is gone already."""
        try:
            return self._primary_channel(route)
        except (OSError, LogError):
            return None

    @staticmethod
    def _forget_clone(channel: Channel | None, stream: int) -> None:
        if channel is not None:
            channel.close()
        os.close(stream)

    # The machine thread.

    def _machine_thread(self, host: Host, stream: int | None) -> None:
        try:
            if stream is not None:
                received = receive_state(host, stream)
                if received is None:
                    os._exit(0)  # nothing is wrong: there is no copy to be
                host.become(Event.STATE_RECEIVED)
                host.send(m.Received(transferred_bytes=received))
            self._run_machine(host)
        except MachinesDifferError as error:
            self._report(host, divergence_message(host.machine, error, host.checks))
        except LockstepError as error:
            self._report(host, m.Failed(text=str(error), exit_code=error.exit_code))
        except BaseException:
            # A bug, or the monitor is gone: this host is of no more use. Dying is what the pair can deal with.
            with contextlib.suppress(BaseException):
                traceback.print_exc()
            os._exit(HOST_FAILED)

    def _report(self, host: Host, message: m.Failed | m.Diverged) -> None:
        with contextlib.suppress(OSError):
            host.send(message)

    def _run_machine(self, host: Host) -> None:
        follow = Follow(host)
        while True:
            if host.role is Role.ENDED and self.lead is None:
                follow.wait_after_end()
            elif host.role is Role.ENDED:
                host.pause(None)
            elif host.role is Role.SECONDARY:
                follow.step()
            elif host.role is Role.GOING_LIVE:
                if host.ended is not None or follow.step():
                    self._be_live(host)
            else:
                if self.lead is None:
                    self.lead = Lead(host, self.checks)
                self.lead.step()

    def _be_live(self, host: Host) -> None:
        host.forget_checkpoint()
        host.log_to(None)
        host.onlookers.leave()
        host.member.reach_cut(guest_ended=host.ended is not None)
        self.lead = Lead(host, self.checks)
        live = m.Live(
            generation=host.member.generation,
            icount=host.machine.icount,
            at_s=time.monotonic(),
            input_count=int(host.machine.board["wire_tail"]),
        )
        host.has_started = True
        host.send(live)

    # Every tick.

    def _tick_s(self, host: Host) -> float:
        """How long the control thread may sleep: it takes its time from the machine."""
        if not host.member.speaks:
            return BEAT_S
        is_ending = host.ended is not None and not host.member.has_announced_end
        if is_ending or time.monotonic() < self.busy_until_s:
            return TICK_S
        check_s = None if self.lead is None else self.lead.until_check_s
        return CALM_TICK_S if check_s is None else min(CALM_TICK_S, max(check_s, TICK_S / 4))

    def _tick(self, host: Host) -> None:
        now_s = time.monotonic()
        if host.member.speaks:
            self.trailing.look(now_s, host.machine.position, host.acknowledged())
        if now_s >= self.next_beat_s:
            self.next_beat_s = now_s + BEAT_S
            position = host.machine.position
            behind = max(host.published() - position, 0)
            host.send(
                m.Beat(
                    icount=host.machine.icount,
                    position=position,
                    behind_positions=behind,
                    checks=host.checks,
                    log=entry_counts(host.machine),
                    log_bytes=int(host.machine.control["entry_bytes"]),
                    interval_ms=self.trailing.take_mean_ms(),
                )
            )
            self._reap(host)
            self._look_for_onlookers(host)
            if self.recording is not None:
                self.recording.tick(now_s)
        if host.member.is_live and self.lead is not None and self.lead.is_check_due:
            host.machine.kick()
        if host.member.speaks:
            self._send_output(host)
            self._confirm_input(host)
            host.release_output()
        ended = host.ended
        if ended is not None and host.onlookers.are_there:
            self._tell_onlookers(host)
        if ended is not None and host.member.may_announce_end(
            ended.console_bytes, by_itself=ended.stop in ("FINISHED", "IDLE")
        ):
            host.member.has_announced_end = True
            host.send(ended)

    def _look_for_onlookers(self, host: Host) -> None:
        """Those who watch the secondary hear of it as long as this host is one."""
        is_follower = self.lead is None and host.role in (Role.SECONDARY, Role.GOING_LIVE, Role.ENDED)
        if host.onlookers.are_there:
            self._tell_onlookers(host)
            if not (self.is_watched and is_follower):
                host.onlookers.leave()
        elif self.is_watched and is_follower and host.role is Role.SECONDARY:
            host.onlookers.come()

    def _tell_onlookers(self, host: Host) -> None:
        host.collect_console()
        watched = host.onlookers.take()
        if watched is not None:
            host.send(watched)

    def _send_output(self, host: Host) -> None:
        host.collect_console()
        with host.console_lock:
            for offset, data in host.member.releases(host.channel_held()):
                host.send(m.Output(generation=host.member.generation, offset=offset, data=data))

    def _confirm_input(self, host: Host) -> None:
        """Tell the source what it need not keep (rule 4)."""
        with host.console_lock:
            count = host.member.confirms(host.channel_held())
        if count is not None:
            host.send(m.InputTaken(count=count))

    def _reap(self, host: Host) -> None:
        for child in list(host.copies):
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(child, os.WNOHANG)[0]:
                    host.copies.remove(child)
