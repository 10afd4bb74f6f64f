"""A machine: built from a config, run to a stop, snapshot, restored, digested."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np

from lockstep.errors import InternalError
from lockstep.machine import state
from lockstep.machine.arrivals import arrivals_wait
from lockstep.machine.config import MachineConfig
from lockstep.machine.devices.finisher import KIND_EXIT
from lockstep.machine.devices.virtio.slots import plug_in
from lockstep.machine.engine.host_float import use_default_float_environment
from lockstep.machine.events import QUIET_POSITIONS, TURN_POSITIONS
from lockstep.machine.loader.place import BootPlan, plan_boot, write_boot
from lockstep.machine.output import announce, output_room
from lockstep.machine.reset import reset_devices
from lockstep.machine.run_loop import guest_event_ns, run
from lockstep.machine.snapshot import Snapshot, digest_machine, restore_snapshot, take_snapshot
from lockstep.machine.wire_up import Wires

CONSOLE_CAPACITY_BYTES = 1 << 16
RTC_EPOCH_VIRTUAL_NS = 1_735_689_600 * 1_000_000_000
"""2025-01-01 00:00:00 UTC: where the RTC starts under the virtual clock."""


class Stop(enum.IntEnum):
    """Why `Machine.run` came back."""

    REACHED = state.REACHED
    EXACT = state.EXACT
    PARKED = state.PARKED
    IDLE = state.IDLE
    FINISHED = state.FINISHED
    KICKED = state.KICKED
    CONSOLE_FULL = state.CONSOLE_FULL
    QUIET = state.QUIET
    LAGGING = state.LAGGING
    OUTPUT_FULL = state.OUTPUT_FULL
    FLUSHING = state.FLUSHING
    UNREADABLE = state.UNREADABLE


class Machine:
    """RAM, harts and devices. Its next state depends on its state and on what is given to it alone."""

    def __init__(
        self, config: MachineConfig, *, typed: bytes = b"", plan: BootPlan | None = None, boot: bool = True
    ) -> None:
        """Build the machine of `config`; `typed` is console input from a file, typed at a fixed rate.

        With `boot` false nothing is loaded: the machine waits for a snapshot.
        """
        self.config = config
        self.wires = Wires(config.memory_bytes, config.harts, config.disks)
        self.board: Any = self.wires.board[0]
        self.control: Any = self.wires.control[0]
        self._console = np.zeros(CONSOLE_CAPACITY_BYTES, np.uint8)
        self._typed = np.frombuffer(typed, np.uint8) if typed else np.zeros(1, np.uint8)
        self.control["console_address"] = self._console.ctypes.data
        self.control["console_capacity"] = CONSOLE_CAPACITY_BYTES
        self.control["typed_address"], self.control["typed_length"] = self._typed.ctypes.data, len(typed)
        self._reset()
        if boot:
            self._boot(plan or plan_boot(config))

    def _reset(self) -> None:
        board = self.board
        board["clock"] = state.CLOCK_VIRTUAL if self.config.clock == "virtual" else state.CLOCK_HOST
        board["harts_count"] = self.config.harts
        board["turn_end"], board["quiet_at"] = TURN_POSITIONS, QUIET_POSITIONS
        board["turn_positions"], board["quiet_positions"] = TURN_POSITIONS, QUIET_POSITIONS
        board["cut_at"] = -1
        board["rtc_epoch_ns"] = RTC_EPOCH_VIRTUAL_NS
        reset_devices(self.wires.first_wiring)
        plug_in(board, self.config)

    def _boot(self, plan: BootPlan) -> None:
        write_boot(plan, self.wires.ram)
        for hart, engine in enumerate(self.wires.engines):
            registers: Any = engine.registers[0]
            registers["pc"] = plan.entry
            registers["gpr"][10:13] = hart, plan.device_tree_address, plan.firmware_info_address

    def run(
        self,
        *,
        limit: int = state.NEVER,
        exact_icount: int = state.NEVER,
        stop_when_quiet: bool = False,
        followed: int = 0,
        followed_limit: int = state.NEVER,
    ) -> Stop:
        """Run until a natural block start at position `limit`, or exactly `exact_icount` instructions have retired.

        Other reasons come as they come. With `stop_when_quiet`, also at the next quiet point. With `followed`, the
        address of a log's ring, `limit` moves on with that: to its next entry or its horizon, up to `followed_limit`.
        """
        control = self.control
        control["followed"], control["followed_limit"] = followed, followed_limit
        control["limit"], control["exact_icount"] = limit, exact_icount
        control["stop_when_quiet"] = stop_when_quiet
        use_default_float_environment()
        reason = run(self.wires.first_wiring)
        if control["no_room"]:
            raise InternalError("output of a device found no room: a bug in lockstep")
        if reason == state.FAILED:
            raise InternalError(
                f"the emulator stopped with Unicorn's error {int(control['error'])} at {self.pc:#x}"
            )
        return Stop(reason)

    def kick(self) -> None:
        """From any thread: make `run` come back at the next natural block start."""
        self.control["kick"] = 1
        self.control["deadline"] = 0

    def clear_kick(self) -> None:
        """Let `run` go on after a kick."""
        self.control["kick"] = 0

    def poke(self) -> None:
        """From any thread: have `run` look, at the next natural block start, whether something has come."""
        self.control["deadline"] = 0

    @property
    def has_arrivals(self) -> bool:
        """Whether something has come from the world that a live machine can take now."""
        return bool(arrivals_wait(self.wires.first_wiring))

    @property
    def has_output_room(self) -> bool:
        """Whether its devices can be served now."""
        return bool(output_room(self.wires.first_wiring))

    def announce_output(self) -> None:
        """Let what devices made so far leave, if that is for this machine to say; it stands still."""
        announce(self.wires.first_wiring)

    def drain_console(self) -> bytes:
        """What the guest wrote since the last call."""
        first, last = int(self.control["console_drained"]), int(self.board["console_bytes"])
        self.control["console_drained"] = last
        begin, end = first % CONSOLE_CAPACITY_BYTES, last % CONSOLE_CAPACITY_BYTES
        if first == last:
            return b""
        if begin < end:
            return self._console[begin:end].tobytes()
        return self._console[begin:].tobytes() + self._console[:end].tobytes()

    @property
    def icount(self) -> int:
        """Instructions retired since reset, summed over harts."""
        board = self.board
        return int(board["position"] - board["traps"] - board["switches"])

    @property
    def position(self) -> int:
        """What log entries are stamped with: icount + trap entries + switches between harts."""
        return int(self.board["position"])

    @property
    def guest_ns(self) -> int:
        """Guest time."""
        return self.position + int(self.board["time_offset_ns"])

    @property
    def next_event_ns(self) -> int:
        """Guest time of the next event that can wake a parked machine by itself."""
        return guest_event_ns(self.wires.first_wiring)

    @property
    def pc(self) -> int:
        """Program counter of the hart whose turn it is."""
        return int(self.wires.engines[int(self.board["current_hart"])].registers[0]["pc"]) & (1 << 64) - 1

    @property
    def exited(self) -> bool:
        """Whether the guest ended with an exit code of its own rather than by powering off."""
        return int(self.board["finisher"]["kind"]) == KIND_EXIT

    @property
    def exit_code(self) -> int:
        """What the guest gave the finisher."""
        return int(self.board["finisher"]["exit_code"])

    def snapshot(self) -> Snapshot:
        """All that makes this machine what it is."""
        return take_snapshot(self.wires)

    def restore(self, snapshot: Snapshot) -> None:
        """Become the machine of `snapshot`, which was taken from one of the same config and input."""
        restore_snapshot(self.wires, snapshot)
        self.control["console_drained"] = int(self.board["console_bytes"])

    def digest(self) -> str:
        """xxh3-128 of RAM, the harts' registers and every device, as 32 hexadecimal digits."""
        return digest_machine(self.wires)
