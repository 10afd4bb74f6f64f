"""A simulated host's machine thread: what `host.lead` and `host.follow` do, step by step, with a toy machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockstep.ft.following import Step, has_caught_up, next_step
from lockstep.ft.output import Retention
from lockstep.ft.roles import Event, Role
from lockstep.host import messages as m
from lockstep.sim.channel import Channel
from lockstep.sim.devices import flushed_number
from lockstep.sim.machine import CLOCK, DISK, END, FRAME, INPUT, KIND_NAMES, ToyMachine

if TYPE_CHECKING:
    from lockstep.sim.host import SimulatedHost
    from lockstep.sim.pipe import Pipe

CAUGHT_UP_POSITIONS = 60
LAG_POSITIONS_MAX = 200
_SLICE_POSITIONS = 24
_STEP_US = (2_000, 6_000)
_WAIT_US = (1_000, 8_000)
_CLOCK_SHARE = 0.2
"""How often a primary corrects guest time, per step."""
_WIRE_BYTES = 5
END_POLL_US = 20_000


class MachineThread:
    """Steps of one host's machine. Between two of them, and only there, requests are served."""

    def __init__(self, host: SimulatedHost) -> None:
        """No machine runs yet."""
        self.host = host
        self.world = host.world
        self.is_stuck = False
        """It failed: it serves nobody any more."""
        self._pending: tuple[int, bytes] | None = None
        """An entry that the ring had no room for; the machine stands still."""
        self._has_logged_end = False
        self._next_at_us: int | None = None

    def step_after(self, delay_us: int) -> None:
        """Make the next step in `delay_us`, unless one is due earlier."""
        at_us = self.world.schedule.now_us + delay_us
        if self._next_at_us is None or at_us < self._next_at_us:
            self._next_at_us = at_us
            self.world.schedule.at(at_us, self._step, at_us)

    def _step(self, at_us: int) -> None:
        if self._next_at_us != at_us or not self.host.runs(self._step, at_us):
            return
        self._next_at_us = None
        host = self.host
        if self.is_stuck or host.member.role is Role.RECEIVING:
            return
        while host.requests:
            host.requests.popleft()()
        delay_us = self._step_as(host.member.role)
        if delay_us is not None and host.is_alive:
            self.step_after(delay_us * host.slowness)

    def _step_as(self, role: Role) -> int | None:
        if role is Role.ENDED:
            return None if self.host.member.has_led else self._wait_for_end()
        if role is Role.SECONDARY:
            return self._follow()
        if role is Role.GOING_LIVE:
            if self.host.ended is not None:
                return self._be_live()
            return self._follow()
        return self._lead()

    # As secondary.

    def receive(self, machine: ToyMachine, retention: Retention) -> None:
        """The state of the machine to be came in."""
        host = self.host
        host.boot(machine)
        host.member.outbox = self.world.parts.outbox(retention)
        host.member.become(Event.STATE_RECEIVED)
        host.send(m.Received(transferred_bytes=len(machine.output)))
        self.step_after(1)

    def _follow(self) -> int | None:
        host, machine, member = self.host, self.host.machine, self.host.member
        assert host.channel is not None
        ring = host.channel.ring
        going_live = member.role is Role.GOING_LIVE
        while True:
            horizon = ring.horizon
            entry = ring.peek()
            if not self.world.parts.obeys_horizon:
                horizon += _SLICE_POSITIONS
            step, target = next_step(
                machine.position, horizon, None if entry is None else entry[1], going_live=going_live
            )
            if entry is None or step is not Step.APPLY:
                break
            if (machine.position, machine.pc) != entry[1:3] and not self._is_of_use:
                return self._diverge()
            self.world.checks.is_at(host, entry)
            self.world.say(host, "applies", KIND_NAMES[entry[0]], "at", entry[1])
            machine.apply(entry[0], entry[3])
            ring.pop()
            host.channel.moved()
            host.entries += 1
        if not member.has_caught_up and has_caught_up(machine.position, horizon, CAUGHT_UP_POSITIONS):
            member.has_caught_up = True
            host.send(m.CaughtUp())
        if step is Step.AT_CUT:
            return self._be_live()
        host.collect()
        if step is Step.WAIT:
            return self.world.delay_us(*_WAIT_US)
        machine.run(min(target, machine.position + 2 * _SLICE_POSITIONS))
        ring.acknowledge(machine.position)
        host.channel.moved()
        if machine.is_parked and machine.position < target:
            if not self._is_of_use:
                return self._diverge()
            self.world.checks.violated(f"{host} waits at {machine.position}, where its primary did not")
        if machine.has_ended:
            self._end()
            if member.role is Role.SECONDARY:
                member.become(Event.GUEST_ENDED)
        return self.world.delay_us(*_STEP_US) // 2

    def _wait_for_end(self) -> int | None:
        """The guest has ended on this secondary: on the primary as well, or what it has isn't the same guest."""
        host, position = self.host, self.host.machine.position
        assert host.channel is not None
        horizon, entry = host.channel.ring.horizon, host.channel.ring.peek()
        if entry is not None and (entry[0], entry[1]) == (END, position):
            return None
        if entry is None and horizon <= position + 1:
            return END_POLL_US
        if not self._is_of_use:
            return self._diverge()
        self.world.checks.violated(f"the guest ended on {host} at {position}, and runs on at its primary")
        return None

    @property
    def _is_of_use(self) -> bool:
        """Whether it must be equal to its primary: not after a soft error, nor once the monitor has let go of it, as
        what it reads from its disk may then be what was written since."""
        return not self.host.is_flipped and self.host.number in self.world.fleet.hosts

    def _diverge(self) -> int | None:
        """A difference was found: say so, and make no more steps."""
        host = self.host
        diverged = m.Diverged(
            icount=host.machine.position,
            pc=host.machine.pc,
            what="pc",
            expected="",
            actual="",
            disassembly=[],
            checks=0,
        )
        host.send(diverged)
        self.is_stuck = True
        return None

    def _be_live(self) -> int | None:
        host = self.host
        if host.is_flipped:
            self.world.is_spoiled = True
            return None
        host.log_to(None)
        host.member.reach_cut(guest_ended=host.ended is not None)
        position = host.machine.position
        host.send(
            m.Live(
                generation=host.member.generation,
                icount=position,
                at_s=self.world.schedule.now_s,
                input_count=len(host.machine.taken),
            )
        )
        self.world.checks.goes_live(host)
        return 1 if host.ended is None else None

    def finish(self, reason: str) -> None:
        """This live host was told to stop for good."""
        if self.host.member.speaks and self.host.ended is None:
            self._publish()
            self._end(reason)
            self.host.member.become(Event.GUEST_ENDED)

    def _end(self, stop: str = "FINISHED") -> None:
        host, machine = self.host, self.host.machine
        host.collect_all()
        host.ended = m.Ended(
            stop=stop,
            exited=False,
            exit_code=0,
            icount=machine.position,
            digest=machine.digest,
            console_bytes=host.member.outbox.retention.end,
            at_s=self.world.schedule.now_s,
            log={"entries": host.entries},
            log_bytes=0,
        )
        self.world.say(host, "ends at", machine.position)

    # As primary.

    def _lead(self) -> int | None:
        host, machine = self.host, self.host.machine
        if not self._append_pending():
            return self.world.delay_us(*_WAIT_US)
        if machine.has_ended:
            return self._end_leading()
        chance = self.world.random.random
        wants_clock = machine.is_parked or chance() < _CLOCK_SHARE
        if wants_clock and not self._append(CLOCK, self.world.schedule.now_us.to_bytes(8, "little")):
            return self.world.delay_us(*_WAIT_US)
        if host.member.inbox:
            data = host.member.inbox.next(_WIRE_BYTES - (len(machine.taken) - machine.consumed))
            if data and not self._append(INPUT, data):
                return self.world.delay_us(*_WAIT_US)
        if not self._take_arrivals():
            return self.world.delay_us(*_WAIT_US)
        machine.run(machine.position + _SLICE_POSITIONS)
        if machine.has_ended:
            return self._end_leading()
        if machine.is_parked or machine.is_output_full or host.clone_wanted or chance() < 0.5:
            self._publish()
        if machine.is_console_full:
            host.collect()
        if host.clone_wanted is not None and machine.is_quiet:
            clone, host.clone_wanted = host.clone_wanted, None
            clone()
        delay_us = self.world.delay_us(*_STEP_US)
        channel = host.channel
        if channel is not None and channel.ring.acknowledged:
            behind = machine.position - channel.ring.acknowledged
            delay_us += 2_000 if behind > LAG_POSITIONS_MAX else 0
        return delay_us

    def _end_leading(self) -> int | None:
        if not self._has_logged_end and not self._append(END, b""):
            return self.world.delay_us(*_WAIT_US)
        self._publish()
        self._end()
        self.host.member.become(Event.GUEST_ENDED)
        return None

    def _publish(self) -> None:
        channel = self.host.channel
        if channel is not None:
            channel.ring.publish(self.host.machine.position)
            channel.moved()
        self.host.release()

    def _take_arrivals(self) -> bool:
        """Tell the guest what has come for its devices; False while the ring is full."""
        host = self.host
        due = host.machine.devices.due_entry()
        if due is not None and not self._append(DISK, due):
            return False
        return not host.inbound or self._append(FRAME, host.inbound.popleft().to_bytes(8, "little"))

    def _append(self, kind: int, payload: bytes) -> bool:
        """Log what happens here and now, then let it happen; False while the ring is full."""
        self._pending = kind, payload
        return self._append_pending()

    def _append_pending(self) -> bool:
        if self._pending is None:
            return True
        host, machine = self.host, self.host.machine
        kind, payload = self._pending
        if host.channel is not None:
            if not host.channel.ring.append((kind, machine.position, machine.pc, payload)):
                self.world.full_rings += 1
                self._publish()
                return False
            host.channel.moved()
        self.world.say(host, "logs", KIND_NAMES[kind], "at", machine.position)
        self._pending = None
        self._has_logged_end = kind == END
        host.entries += 1
        machine.apply(kind, payload)
        if kind == INPUT:
            host.member.inbox.logged(len(payload), len(machine.taken), machine.position)
            self.world.checks.took_input(host)
        elif kind == DISK and (flush := flushed_number(payload)) is not None:
            self.world.checks.devices.acknowledges(host, flush)
        return True

    def clone(self, secondary: int, channel: Channel, pipe: Pipe) -> None:
        """At a quiet point: the copy is frozen, the parent goes on at once, logging."""
        host = self.host
        host.collect_all()
        host.disk_ring.hold = host.disk_ring.made
        host.disk_ring.hold_for = secondary
        pipe.fork(host.machine, host.member.outbox.retention)
        host.log_to(channel)
        host.member.become(Event.CLONE)
        host.send(m.Cloned(secondary=secondary, icount=host.machine.position, pause_ms=0.1))
