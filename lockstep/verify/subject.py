"""One of the machines that are compared: how it gets to a place, and what it looks like there."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Literal

from lockstep.errors import DivergenceError, InternalError
from lockstep.host.entries import check_place, take_entry, unreadable_payload
from lockstep.log.entry import DISK, Entry
from lockstep.machine.checks import sum_pages
from lockstep.machine.disassembly import disassemble_around
from lockstep.machine.machine import Machine, Stop
from lockstep.machine.riscv.bits import PAGE_BYTES
from lockstep.machine.snapshot import digest_board
from lockstep.machine.soft_error import SoftError, flip
from lockstep.machine.state import NEVER
from lockstep.verify.portrait import Portrait, take_portrait

Ending = Literal["reached", "finished", "idle", "parked", "misplaced", "failed"]
"""Why a run came back: it got where it was to go, the guest ended or waits, an entry found it elsewhere, or the
emulator gave up."""
_ENDINGS: dict[Stop, Ending] = {
    Stop.REACHED: "reached",
    Stop.FINISHED: "finished",
    Stop.IDLE: "idle",
    Stop.PARKED: "parked",
}


@dataclasses.dataclass(frozen=True)
class Arrival:
    """Where a run came to. Two machines that ran to the same place and are equal have equal arrivals."""

    ending: Ending
    icount: int
    position: int
    pc: int
    digest: bytes
    """16 bytes of xxh3 over registers and devices; RAM is apart, for it takes longer."""


class Subject:
    """A machine, the soft errors that it will suffer, and the log entries that it will find."""

    def __init__(self, machine: Machine, errors: Iterable[SoftError] = ()) -> None:
        """`errors` strike once their icount is reached; `machine` hasn't run past any of them."""
        self.machine = machine
        self._errors = deque(sorted(errors, key=lambda error: error.icount))
        self._entries: deque[Entry] = deque()
        self._console = bytearray()

    def expect(self, entries: Iterable[Entry]) -> None:
        """These come after the entries that it was given before."""
        self._entries.extend(entries)

    def run_to(self, *, icount: int = NEVER, position: int = NEVER) -> Arrival:
        """Run until exactly `icount` instructions have retired, or to a natural block start at `position`.

        Errors that strike at that icount have struck; entries stamped there may not have been applied.
        """
        try:
            return self.arrival(self._run(icount, position))
        except DivergenceError:
            return self.arrival("misplaced")
        except InternalError:
            return self.arrival("failed")

    def _run(self, icount: int, position: int) -> Ending:
        machine = self.machine
        while True:
            while self._errors and self._errors[0].icount <= machine.icount:
                flip(machine, self._errors.popleft())
            if machine.icount >= icount:
                return "reached"
            if self._entries and self._entries[0].position <= machine.position:
                entry = self._entries.popleft()
                check_place(machine, entry)
                take_entry(machine, entry.kind, entry.payload)
                continue
            if machine.position >= position:
                return "reached"
            limit = min(position, self._entries[0].position) if self._entries else position
            exact = min(icount, self._errors[0].icount) if self._errors else icount
            stop = machine.run(limit=limit, exact_icount=exact)
            self._console += machine.drain_console()
            if stop is Stop.UNREADABLE:
                # Not in the log: both machines meet the same file, so that the guest's error is the same.
                take_entry(machine, DISK, unreadable_payload(machine))
            if stop in _ENDINGS and stop is not Stop.REACHED:
                return _ENDINGS[stop]

    def run_through(self, icounts: Sequence[int], position: int) -> list[tuple[Arrival, bytes]]:
        """What it is like at each of `icounts`, or where it ended up instead: by `position`, at the latest."""
        return [(self.run_to(icount=icount, position=position), self.ram_digest()) for icount in icounts]

    def arrival(self, ending: Ending) -> Arrival:
        """Where the machine stands now, having come there by `ending`."""
        machine = self.machine
        return Arrival(ending, machine.icount, machine.position, machine.pc, digest_board(machine.wires))

    def take_console(self) -> bytes:
        """What the guest wrote since the last call."""
        data, self._console = bytes(self._console), bytearray()
        return data

    def ram_digest(self) -> bytes:
        """32 bytes about all of RAM; pages that were never touched cost nothing."""
        wires = self.machine.wires
        return sum_pages(wires, 0, wires.ram.nbytes // PAGE_BYTES).tobytes()

    def digest(self) -> str:
        """The whole machine's, as reports have it."""
        return self.machine.digest()

    def portrait(self) -> Portrait:
        """All of the machine, as far as a report shows it."""
        return take_portrait(self.machine)

    def pages(self, numbers: list[int]) -> bytes:
        """Contents of pages of RAM, one after another."""
        ram = self.machine.wires.ram
        return b"".join(ram[number * PAGE_BYTES : (number + 1) * PAGE_BYTES].tobytes() for number in numbers)

    def disassembly(self, pc: int) -> list[str]:
        """The code about `pc`, which is marked."""
        return disassemble_around(self.machine, pc)

    def guest_ended(self) -> tuple[bool, int]:
        """Whether the guest gave an exit code of its own, and which."""
        return self.machine.exited, self.machine.exit_code
