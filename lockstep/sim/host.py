"""A simulated host process: its control thread. What it may say and when, `ft.member` decides, as in a real host."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lockstep.ft.roles import Event, Role
from lockstep.host import messages as m
from lockstep.sim.channel import Channel, SharedMemory
from lockstep.sim.devices import OutputRing
from lockstep.sim.machine import ToyMachine
from lockstep.sim.machine_thread import MachineThread
from lockstep.sim.pipe import Pipe
from lockstep.sim.ring import Ring

if TYPE_CHECKING:
    from lockstep.sim.world import World

BEAT_US = 40_000
_TICK_US = (2_000, 8_000)
_BUILD_US_MAX = 60_000


class SimulatedHost:
    """One process. It dies at once, stops and goes on as by SIGSTOP and SIGCONT, and does nothing meanwhile."""

    def __init__(self, world: World, number: int) -> None:
        """Just forked."""
        self.world = world
        self.number = number
        self.member = world.parts.new_member()
        self.machine = ToyMachine(world.guest_seed, world.devices.file.blocks)
        self.disk_ring, self.frame_ring = OutputRing(), OutputRing()
        self.inbound: deque[int] = deque()
        """Frames for it."""
        self.channel: Channel | None = None
        self.is_alive = True
        self.is_condemned = False
        """A signal that kills it is on its way."""
        self.stopped_until_us = self.split_until_us = 0
        self.hears_at_us = self.heard_at_us = self.written_at_us = 0
        """When the last message to it, from it, and its last output, arrives."""
        self.slowness = 1
        self.is_flipped = False
        """A soft error hit its machine."""
        self.has_machine = self._is_built = False
        self.ended: m.Ended | None = None
        self._arrived: deque[tuple[m.Message, tuple[Any, ...]]] = deque()
        """Messages that came, in order, while it may have been stopped."""
        self.requests: deque[Callable[[], None]] = deque()
        self.clone_wanted: Callable[[], None] | None = None
        self.clone_refused: Callable[[], None] = lambda: None
        self.entries = 0
        self.thread = MachineThread(self)
        self._sent_beat_at_us = -BEAT_US
        world.schedule.after(world.delay_us(200, 20_000), self._ready)

    def __str__(self) -> str:
        """As in traces."""
        return f"host {self.number}"

    # The process.

    def runs(self, call: Callable[..., None], *arguments: Any) -> bool:
        """Whether it runs now. While it is stopped, `call` is put off until it goes on."""
        if not self.is_alive:
            return False
        if self.stopped_until_us > self.world.schedule.now_us:
            self.world.schedule.at(self.stopped_until_us, call, *arguments)
            return False
        return True

    def die(self, why: str) -> None:
        """SIGKILL, or its own end."""
        if self.is_alive:
            self.world.say(self, "dies:", why)
            self.is_alive = False
            self.world.host_died(self)

    def send(self, message: m.AnyMessage) -> None:
        """To the monitor."""
        self.world.send_to_monitor(self, message)

    def fail(self, text: str, exit_code: int) -> None:
        """It can't go on: says so, and does no more."""
        self.send(m.Failed(text=text, exit_code=exit_code))
        self.thread.is_stuck = True

    # Messages from the monitor.

    def hear(self, message: m.Message, parcels: tuple[Any, ...]) -> None:
        """`parcels` are what real hosts get as descriptors."""
        self._arrived.append((message, parcels))
        self._hear_all()

    def _hear_all(self) -> None:
        while self._arrived and self.runs(self._hear_all):
            if not self._is_built and isinstance(self._arrived[0][0], m.StartPrimary | m.StartSecondary):
                # It builds its machine, and hears nothing meanwhile.
                self._is_built = True
                built_at_us = self.world.schedule.now_us + self.world.delay_us(0, _BUILD_US_MAX)
                self.stopped_until_us = max(self.stopped_until_us, built_at_us)
                continue
            message, parcels = self._arrived.popleft()
            self.world.say(self, "hears", message)
            self._handle(message, parcels)
            self.world.faults.heard(self, message)

    def _handle(self, message: m.Message, parcels: tuple[Any, ...]) -> None:
        if isinstance(message, m.StartPrimary | m.StartSecondary):
            self._start(message, parcels)
        elif not self.has_machine:
            return
        elif isinstance(message, m.SinkProgress):
            self.member.outbox.written(message.written)
            self.wake()
        elif isinstance(message, m.GoLive):
            self._request(lambda: self._go_live(message))
        elif isinstance(message, m.GoAlone):
            self._request(self._go_alone)
        elif isinstance(message, m.Clone):
            self._prepare_clone(message, parcels)
        elif isinstance(message, m.Finish):
            self._request(lambda: self.thread.finish(message.reason))
        elif isinstance(message, m.Input):
            self._request(lambda: self.member.type(message.offset, message.data, len(self.machine.taken)))

    def _ready(self) -> None:
        if self.runs(self._ready):
            self.send(m.Ready())

    def _start(self, message: m.StartPrimary | m.StartSecondary, parcels: tuple[Any, ...]) -> None:
        self.has_machine = True
        member = self.member
        member.generation = 1 if message.route is None else message.route.generation
        if isinstance(message, m.StartPrimary) or not message.cloned:
            self.boot(self.machine)
        if isinstance(message, m.StartPrimary):
            member.become(Event.START_PRIMARY)
            if message.route is None:
                member.become(Event.SECONDARY_LOST)
            else:
                self.channel = self._channel_to(message.route, parcels)
                if self.channel is None:
                    self._say_lost(message.route.secondary, "it is gone already")
            self.world.checks.goes_live(self)
        else:
            self.channel = self._secondary_channel(message.route, parcels)
            member.become(Event.START_RECEIVING if message.cloned else Event.START_SECONDARY)
            if message.cloned:
                parcels[-1].read(self)
        self.wake()
        self._tick()

    def _secondary_channel(self, route: m.Route, parcels: tuple[Any, ...]) -> Channel:
        if route.secret is None:
            return self._shared(parcels[0])
        connection = self.world.listen(self)
        self.send(m.Listening(port=self.number))
        return connection.secondary_end

    @staticmethod
    def _shared(ring: Ring) -> Channel:
        return SharedMemory(ring)

    def _channel_to(self, route: m.Route, parcels: tuple[Any, ...]) -> Channel | None:
        """None: the other host is gone already."""
        if route.secret is None:
            return self._shared(parcels[0])
        connection = self.world.listeners[route.port]
        if not connection.secondary.is_alive or connection.is_broken or connection.is_closed:
            return None
        return connection.connect(self, lambda: self._say_lost(route.secondary, "the connection broke"))

    def boot(self, machine: ToyMachine) -> None:
        """From now on it has this machine."""
        self.machine = machine
        machine.devices.begin(self.disk_ring, self.frame_ring)
        self.world.devices.has_begun()

    def _say_lost(self, secondary: int, text: str) -> None:
        self.send(m.ChannelLost(secondary=secondary, text=text))

    # Requests: they run in the machine thread, at a natural stop.

    def _request(self, request: Callable[[], None]) -> None:
        self.requests.append(request)
        self.wake()

    def wake(self) -> None:
        """Have the machine thread look, soon."""
        self.thread.step_after(self.world.delay_us(5, 200))

    def _go_live(self, message: m.GoLive) -> None:
        assert self.channel is not None
        self.channel.cut()
        self.world.say(self, "cuts at", self.channel.ring.horizon)
        self.member.go_live(message.generation, message.sink_bytes)

    def _go_alone(self) -> None:
        if self.clone_wanted is not None:
            self.clone_wanted = None
            self.clone_refused()
        self.log_to(None)
        self.member.go_alone()

    def _prepare_clone(self, message: m.Clone, parcels: tuple[Any, ...]) -> None:
        channel = self._channel_to(message.route, parcels)
        pipe: Pipe = parcels[-1]
        pipe.writer = self

        def begin() -> None:
            if channel is None or self.member.role is not Role.PRIMARY_ALONE:
                self._forget_clone(channel, pipe)
                return
            self.clone_wanted = lambda: self.thread.clone(message.route.secondary, channel, pipe)
            self.clone_refused = lambda: self._forget_clone(channel, pipe)

        self._request(begin)

    @staticmethod
    def _forget_clone(channel: Channel | None, pipe: Pipe) -> None:
        if channel is not None:
            channel.close()
        pipe.break_off()

    def log_to(self, channel: Channel | None) -> None:
        """Log to `channel` from here on, or to none."""
        before, self.channel = self.channel, channel
        if before is not None:
            before.close()

    # Every tick.

    def _tick(self) -> None:
        if not self.runs(self._tick):
            return
        now_us = self.world.schedule.now_us
        if now_us - self._sent_beat_at_us >= BEAT_US:
            self._sent_beat_at_us = now_us
            position = self.machine.position
            self.send(m.Beat(icount=position, position=position, behind_positions=0))
        member = self.member
        if member.speaks:
            self.collect()
            held = None if self.channel is None else self.channel.held()
            self._release_below(held)
            for offset, data in member.releases(held):
                self.send(m.Output(generation=member.generation, offset=offset, data=data))
            count = member.confirms(held)
            if count is not None:
                self.send(m.InputTaken(count=count))
        ended = self.ended
        if ended is not None and member.may_announce_end(
            ended.console_bytes, by_itself=ended.stop == "FINISHED"
        ):
            member.has_announced_end = True
            self.send(ended)
        low, high = _TICK_US if member.speaks else (BEAT_US // 2, BEAT_US)
        self.world.schedule.after(self.world.delay_us(low, high), self._tick)

    def release(self) -> None:
        """What its devices made may leave as far as the secondary holds what led to it (rule 2)."""
        if self.member.speaks:
            self._release_below(None if self.channel is None else self.channel.held())

    def _release_below(self, channel_held: int | None) -> None:
        if self.disk_ring.entries or self.frame_ring.entries:
            position = min(self.member.held(channel_held), self.machine.position)
            for ring in (self.disk_ring, self.frame_ring):
                ring.released = max(ring.released, position)
            self.world.devices.poke()

    def collect(self) -> None:
        """Move what the guest wrote into retention, if that has room."""
        if self.machine.has_output and self.member.may_collect:
            self.collect_all()

    def collect_all(self) -> None:
        """The same, room or not."""
        if self.machine.has_output:
            self.member.outbox.made(self.machine.drain(), self.machine.position)
