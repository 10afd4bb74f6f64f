"""A machine for scripts: run it to anywhere, look into it, change it, keep it, compare it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from lockstep.errors import UsageError
from lockstep.host.entries import take_entry, wire_room
from lockstep.library.diff import Diff, diff
from lockstep.library.guest import Source, config_of
from lockstep.library.memory import Instruction, instructions_at, read_memory, write_memory
from lockstep.library.native import prepare
from lockstep.library.recording import RecordedCourse
from lockstep.library.registers import read_named, write_named
from lockstep.library.runner import Goal, Runner
from lockstep.library.snapshot import (
    Snapshot,
    read_machine,
    restore_snapshot,
    restored_disk,
    save_machine,
    take_snapshot,
)
from lockstep.library.stop import Stop
from lockstep.library.symbols import Symbols, symbols_of
from lockstep.log.entry import INPUT
from lockstep.machine.address import physical_address
from lockstep.machine.breakpoints import COVERED_MAX
from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine as Core
from lockstep.machine.registers import register_values
from lockstep.machine.snapshot import settle
from lockstep.machine.state import NEVER

BACK_INSTRUCTIONS = 1_000_000
"""How far back to look first."""
Where = int | str
"""An address, or the name of a symbol."""


class Machine:
    """A riscv64 machine that stands still unless it is told to run.

    What a run does is a function of the guest and its input alone (under `clock="virtual"`, the default here), and
    looking changes nothing: a machine that was stopped, stepped and read on its way ends with the same `icount` and
    `digest()` as one that ran through. Writing registers or memory does change it, as a soft error would.

        machine = Machine("compute")
        machine.run_until(pc="main")
        print(machine.reg_read("sp"), machine.disassemble(count=3))
        machine.run()                                   # to its end: "poweroff"

    A machine isn't shared between threads. All errors are `lockstep.errors.LockstepError`s, of one line.
    """

    def __init__(
        self,
        guest: Source | None = None,
        *,
        memory: str | int | None = None,
        harts: int = 1,
        bios: Source | None = None,
        kernel: Source | None = None,
        initrd: Source | None = None,
        append: str = "",
        clock: str = "virtual",
        disks: Iterable[str | os.PathLike[str]] = (),
        input: bytes = b"",
    ) -> None:
        """Build the machine and load its guest; it stands in front of its first instruction.

        guest    an ELF or raw image (its path, or its bytes), or a name that `lockstep guests` lists
        memory   RAM, as "128M", or in bytes
        bios, kernel, initrd, append, harts   as in `lockstep run`; files are paths or bytes
        clock    "virtual": time is a function of the guest; "host": guest time follows real time while it runs
        disks    files, as "d.img" or "d.img,ro", that are read only: what the guest writes stays in this machine
        input    console input that is typed from the start, at 115,200 baud of guest time

        GuestError if the guest can't be run, UsageError if there is no such machine.
        """
        config = config_of(
            guest,
            memory=memory,
            harts=harts,
            bios=bios,
            kernel=kernel,
            initrd=initrd,
            append=append,
            clock=clock,
            disks=disks,
        )
        prepare()
        self._be(Core(config, typed=input), input)

    def _be(
        self,
        core: Core,
        typed: bytes,
        *,
        course: RecordedCourse | None = None,
        symbols: Symbols | None = None,
    ) -> None:
        self.core = core
        """The machine inside, of the package `lockstep.machine`."""
        self._typed = typed
        self._course = course
        """The recorded run that it came out of, whether it still follows that or not."""
        self._runner = Runner(core, course)
        self._breakpoints: frozenset[int] = frozenset()
        self._symbols = symbols

    @classmethod
    def _of(
        cls, core: Core, typed: bytes, *, course: RecordedCourse | None = None, symbols: Symbols | None = None
    ) -> Machine:
        """A machine for scripts around `core`."""
        machine = cls.__new__(cls)
        machine._be(core, typed, course=course, symbols=symbols)
        return machine

    # Where it stands.

    @property
    def icount(self) -> int:
        """Instructions retired since reset, summed over harts."""
        return self.core.icount

    @property
    def position(self) -> int:
        """`icount` + traps + switches between harts: unlike `icount`, never the same at two places."""
        return self.core.position

    @property
    def hart(self) -> int:
        """The hart whose turn it is: the one that `pc`, and what takes a hart, means by default."""
        return int(self.core.board["current_hart"])

    @property
    def harts(self) -> int:
        """How many harts there are."""
        return self.core.config.harts

    @property
    def pc(self) -> int:
        """The address of the next instruction."""
        return self.core.pc

    @property
    def exit_code(self) -> int | None:
        """What the guest ended with; None while it hasn't ended."""
        return self.core.exit_code if self.core.board["finisher"]["stopped"] else None

    @property
    def console(self) -> bytes:
        """All that the guest has written (that of a machine out of a trace: since its `Trace.at`'s checkpoint)."""
        return bytes(self._runner.console)

    @property
    def follows_trace(self) -> bool:
        """Whether it meets what a recorded run met: it came out of a `Trace`, and nothing of it was changed since."""
        return self._runner.course is not None

    def digest(self) -> str:
        """xxh3-128 of RAM, registers and devices, as in the report of `lockstep run`: 32 hexadecimal digits."""
        return self.core.digest()

    # Running.

    def step(self, n: int = 1, *, timeout_s: float | None = None) -> Stop:
        """Retire `n` instructions, those of interrupt handlers included. Breakpoints are stepped over.

        A guest whose every instruction traps retires nothing: a `timeout_s` ends that.
        """
        if n < 0:
            raise UsageError(f"step({n}) would go back: take a snapshot first, or use Trace.at")
        return self._runner.run(Goal(icount=self.core.icount + n, timeout_s=timeout_s))

    def run(self, *, max_icount: int | None = None, timeout_s: float | None = None) -> Stop:
        """Run to the next breakpoint or the guest's end, or until a bound is reached."""
        return self.run_until(icount=max_icount, timeout_s=timeout_s)

    def run_until(
        self,
        *,
        icount: int | None = None,
        pc: Where | Iterable[Where] | None = None,
        console: bytes | str | None = None,
        timeout_s: float | None = None,
    ) -> Stop:
        """Run until the first of these; returns which it was, or how the guest ended before.

        icount     so many instructions have retired: exactly, wherever that is
        pc         the next instruction is at this address, symbol, or any of several; at least one comes before
        console    the guest has written this text, from now on
        timeout_s  real time, in seconds

        It also stops at `breakpoints`. Except for a timeout, where it stops is a function of the guest alone.
        """
        if icount is not None and icount < self.core.icount:
            raise UsageError(f"icount {icount} has passed, it is {self.core.icount}: restore a snapshot")
        addresses = self._addresses(pc) | self._breakpoints
        if len(addresses) > COVERED_MAX:
            raise UsageError(f"{len(addresses)} breakpoints are too many: {COVERED_MAX} fit")
        return self._runner.run(
            Goal(
                icount=NEVER if icount is None else icount,
                addresses=addresses,
                console=console.encode() if isinstance(console, str) else console or b"",
                timeout_s=timeout_s,
            )
        )

    def step_back(self, n: int = 1) -> Stop:
        """Stand where the recorded run was `n` instructions before; or at its start, if that is nearer."""
        if n < 0:
            raise UsageError(f"step_back({n}) would go forward: use step")
        self._go_to(max(self.icount - n, 0))
        return Stop.ICOUNT

    def run_back_until(self, *, pc: Where | Iterable[Where] | None = None) -> Stop:
        """Go back to the last place before this one where the next instruction is at `pc`, or at a breakpoint.

        Where there is none: to the recorded run's start. Only a machine that follows a trace can.
        """
        addresses = self._addresses(pc) | self._breakpoints
        end, window = self.icount, BACK_INSTRUCTIONS
        while True:
            start = max(end - window, 0)
            self._go_to(start)
            last = self.icount if start and self.pc in addresses else None
            while self._runner.run(Goal(icount=end, addresses=addresses)) is Stop.BREAKPOINT:
                last = self.icount
            if last is not None:
                self._go_to(last)
                # Entering a trap retires nothing: what is at this icount may come before its handler.
                return (
                    Stop.BREAKPOINT if self.pc in addresses else self._runner.run(Goal(addresses=addresses))
                )
            if start == 0:
                self._go_to(0)
                return Stop.ICOUNT
            end, window = start, 4 * window

    def type(self, data: bytes | str) -> None:
        """Type at the console, here and now; the guest takes it as soon as it looks. Up to 64 KiB wait for it."""
        data = data.encode() if isinstance(data, str) else data
        room = wire_room(self.core)
        if len(data) > room:
            raise UsageError(f"the guest hasn't read what was typed before: {room} more bytes fit")
        self._leave_trace()
        take_entry(self.core, INPUT, data)

    # Breakpoints and symbols.

    @property
    def breakpoints(self) -> frozenset[int]:
        """Addresses at which `run` and `run_until` stop. Virtual ones, of whatever hart, as the pc is."""
        return self._breakpoints

    def add_breakpoint(self, where: Where) -> int:
        """Have runs stop in front of the instruction at an address or symbol; returns the address."""
        (address,) = self._addresses(where)
        self._breakpoints |= {address}
        return address

    def remove_breakpoint(self, where: Where) -> None:
        """Have runs stop there no more."""
        self._breakpoints -= self._addresses(where)

    @property
    def symbols(self) -> dict[str, int]:
        """Addresses by name, from the symbol tables of the guest's ELF files."""
        return self._known_symbols().addresses

    def address_of(self, name: str) -> int:
        """The address of a symbol. UsageError if the guest has none of that name."""
        address = self.symbols.get(name)
        if address is None:
            raise UsageError(f"the guest has no symbol {name!r}: give an address, or see Machine.symbols")
        return address

    def symbol_at(self, address: int) -> str | None:
        """`main`, or `main+0x1a`; None where there is no symbol before."""
        return self._known_symbols().name_of(address)

    # Registers.

    def reg_read(self, name: str, *, hart: int | None = None) -> int:
        """A register, unsigned: x0 to x31 or a0, sp, ..., f0 to f31 or fa0, ... (raw bits), pc, or a CSR as mepc."""
        return read_named(self.core, self._hart(hart), name)

    def reg_write(self, name: str, value: int, *, hart: int | None = None) -> None:
        """Change a register; of a CSR, the bits that exist. The machine isn't the one any more that it was."""
        hart = self._hart(hart)
        self._leave_trace()
        write_named(self.core, hart, name, value)

    def registers(self, *, hart: int | None = None) -> dict[str, int]:
        """All registers that hold state by their names: pc, x0 to x31, f0 to f31, CSRs."""
        settle(self.core.wires.first_wiring)
        return register_values(self.core, self._hart(hart))

    # Memory.

    def mem_read(self, address: int, size: int, *, virtual: bool = False, hart: int | None = None) -> bytes:
        """`size` bytes of RAM at a physical address, or at a hart's virtual one. UsageError where there is no RAM."""
        return read_memory(self.core, address, size, self._hart(hart) if virtual else None)

    def mem_write(self, address: int, data: bytes, *, virtual: bool = False, hart: int | None = None) -> None:
        """Change RAM; code that is changed runs as it is then. The machine isn't the one any more that it was."""
        hart = self._hart(hart) if virtual else None
        write_memory(self.core, address, data, hart, before=self._leave_trace)

    def translate(self, address: int, *, hart: int | None = None) -> int | None:
        """The physical address that a virtual one leads to, whatever the page table allows there; None: nowhere."""
        return physical_address(self.core, self._hart(hart), address)

    def disassemble(self, where: Where | None = None, count: int = 1) -> list[Instruction]:
        """Up to `count` instructions from an address or symbol (default: the pc) on, as the current hart sees them."""
        address = self.pc if where is None else next(iter(self._addresses(where)))
        return instructions_at(self.core, address, count)

    # Keeping and comparing.

    def snapshot(self) -> Snapshot:
        """All of the machine, here. It is kept in memory: pages that aren't all zeros."""
        return take_snapshot(self.core, bytes(self._runner.console), follows_trace=self.follows_trace)

    def restore(self, snapshot: Snapshot) -> None:
        """Become the machine of `snapshot` again, which runs on from there to the last bit as it did then."""
        restore_snapshot(self.core, snapshot)
        self._runner.course = self._course if snapshot.follows_trace else None
        self._runner.rewrite(snapshot.console)

    def copy(self) -> Machine:
        """Another machine that is the same, and goes its own way."""
        core = Core(self.core.config, typed=self._typed, boot=False)
        course = None if self._course is None else RecordedCourse(self._course.recording)
        other = Machine._of(core, self._typed, course=course, symbols=self._symbols)
        other.restore(self.snapshot())
        other._breakpoints = self._breakpoints
        return other

    def save(self, path: str | os.PathLike[str]) -> None:
        """Keep the machine in a file. InternalError if that can't be written."""
        save_machine(Path(path), self.core, self.snapshot(), self._typed, self.symbols)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Machine:
        """The machine that `save` kept; its guest's files and disks aren't needed. UsageError if `path` holds none."""
        saved = read_machine(Path(path))
        prepare()
        config = MachineConfig(
            memory_bytes=saved.snapshot.memory_bytes,
            harts=saved.harts,
            clock="virtual" if saved.clock == "virtual" else "host",
            append=saved.append,
            guest_name=saved.guest_name,
            guest=b"",
            disks=tuple(map(restored_disk, saved.disks)),
        )
        core = Core(config, typed=saved.typed, boot=False)
        machine = cls._of(core, saved.typed, symbols=Symbols(saved.symbols))
        machine.restore(saved.snapshot)
        return machine

    def diff(self, other: Machine) -> Diff:
        """How this machine differs from `other`: registers and devices by name, ranges of RAM. As text: readable."""
        return diff(self, other)

    def __repr__(self) -> str:
        """Where it stands."""
        symbol = self.symbol_at(self.pc)
        where = f"{self.pc:#x}" + (f" <{symbol}>" if symbol else "")
        return f"<Machine {self.core.config.guest_name or 'guest'}: icount {self.icount}, pc {where}>"

    # Inside.

    def _go_to(self, icount: int) -> None:
        """To a place of the recorded run that it follows."""
        if self._runner.course is None or self._course is None:
            raise UsageError(
                "only a machine that follows a trace can go back: take it from Trace.at, or a snapshot"
            )
        self._course.recording.move(self._runner, icount)
        if self.icount < icount:
            raise UsageError(f"the trace ends at icount {self.icount}, before {icount}: give less")

    def _hart(self, hart: int | None) -> int:
        if hart is None:
            return self.hart
        if not 0 <= hart < self.harts:
            raise UsageError(f"there is no hart {hart}: give 0 to {self.harts - 1}")
        return hart

    def _addresses(self, where: Where | Iterable[Where] | None) -> frozenset[int]:
        if where is None:
            return frozenset()
        if isinstance(where, str):
            return frozenset([self.address_of(where)])
        if isinstance(where, int):
            return frozenset([where & (1 << 64) - 1])
        return frozenset().union(*(self._addresses(one) for one in where))

    def _known_symbols(self) -> Symbols:
        if self._symbols is None:
            config = self.core.config
            self._symbols = symbols_of((config.guest, config.kernel, config.bios))
        return self._symbols

    def _leave_trace(self) -> None:
        """What was recorded has nothing to say any more about a machine that is changed."""
        self._runner.course = None
