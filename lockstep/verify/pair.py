"""`verify`: both machines run a stretch, are compared, and the next; a difference is located.

Under the virtual clock no entries are needed and both run at once. Under the host's, one side runs live and hands its
entries to the other, which then runs the same stretch.
"""

from __future__ import annotations

import dataclasses
import select
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from lockstep.errors import InternalError, UsageError
from lockstep.host.ending_signals import on_ending_signals
from lockstep.host.live_input import read_available
from lockstep.host.result import OUTCOME_EXIT_CODES, ConsoleMeter, RunResult
from lockstep.host.terminal import EscapeFilter, is_ours, raw_mode
from lockstep.log.entry import CHECK, KIND_NAMES, Entry
from lockstep.machine.config import MachineConfig
from lockstep.machine.loader.place import BootPlan
from lockstep.machine.soft_error import SoftError, check_soft_error
from lockstep.machine.state import NEVER
from lockstep.verify.live import LiveSubject, Stretch
from lockstep.verify.locate import POSITIONS_BEYOND, Sides, locate, run_both, same_ram
from lockstep.verify.machines import build_machine
from lockstep.verify.report import LOG_SHOWN, describe, describe_window
from lockstep.verify.side import Side, SideDied
from lockstep.verify.subject import Arrival, Subject

EVERY_DEFAULT = 10_000_000
_FAILURES = ("divergence", "timeout", "interrupted")
INPUT_BYTES_MAX = 4096
SLICE_POSITIONS = 2_000_000
"""How far to run before the time is looked at."""


@dataclasses.dataclass(frozen=True)
class VerifyOptions:
    """What to verify, beyond the machine's config."""

    every: int = EVERY_DEFAULT
    """Positions between two comparisons."""
    errors: tuple[SoftError, ...] = ()
    """What the tested machine suffers; a comparison is made right at each."""
    typed: bytes = b""
    live_input: int | None = None
    write_console: Callable[[bytes], None] = lambda data: None
    """Gets what both machines wrote, once it was found equal."""
    timeout_s: float | None = None
    max_icount: int | None = None


def run_verify(config: MachineConfig, options: VerifyOptions, plan: BootPlan | None = None) -> RunResult:
    """Run both machines to their end, or until they differ. UsageError if an error hits what isn't there."""
    for error in options.errors:
        check_soft_error(error, config)
    if options.every <= 0:
        raise UsageError("--every 0 would never let the guest run: give one as 10M")
    machine = build_machine(config, options.typed, plan)
    is_live = config.clock == "host"
    expected = Side("expected", LiveSubject(machine) if is_live else Subject(machine))
    tested = Side("tested", Subject(machine, options.errors), close=[expected])
    pair = _Pair(Sides(expected, tested), options, is_live=is_live)
    try:
        with raw_mode(options.live_input), on_ending_signals(pair.interrupt):
            return pair.run()
    finally:
        expected.end()
        tested.end()


class _Pair:
    def __init__(self, sides: Sides, options: VerifyOptions, *, is_live: bool) -> None:
        self._sides, self._options, self._is_live = sides, options, is_live
        self._strikes = sorted({error.icount for error in options.errors})
        self._log: deque[Entry] = deque(maxlen=LOG_SHOWN)
        self._counts: dict[str, int] = {}
        self._entry_bytes = 0
        self._compared = 0
        self._meter = ConsoleMeter()
        self._source = options.live_input
        is_terminal = self._source is not None and is_ours(self._source)
        self._escape = EscapeFilter() if is_terminal else None
        self._leaves = False
        """Whether the user wants to end it."""
        self._start_s = time.monotonic()

    def interrupt(self) -> None:
        """End it now: wherever it is. Python drops an exception that strikes in a callback; so it is noted as well."""
        self._leaves = True
        raise KeyboardInterrupt

    def run(self) -> RunResult:
        """To the end, or to the first difference."""
        here: Arrival = self._sides.expected.call("arrival", "reached")
        outcome, divergence = "", None
        try:
            while not outcome:
                before = here
                checkpoint = self._sides.push()
                here, tested, entries = self._stretch(before)
                self._compared += 1
                if here != tested or not same_ram(self._sides):
                    outcome = "divergence"
                    divergence = self._explain(before, here, tested, entries)
                    break
                self._sides.drop(checkpoint)
                self._note(here, entries)
                self._pass_on_console()
                outcome = self._outcome(here)
        except KeyboardInterrupt:
            outcome = "interrupted"
        return self._result(outcome, here, divergence, time.monotonic() - self._start_s)

    def _stretch(self, before: Arrival) -> tuple[Arrival, Arrival | None, tuple[Entry, ...]]:
        """One stretch on both sides: where they came to, and what entries there were."""
        strike = self._strikes[0] if self._strikes else NEVER
        positions = self._options.every
        if self._options.max_icount is not None:
            positions = min(positions, max(self._options.max_icount - before.icount, 0))
        if not self._is_live:
            return *self._run_in_slices(before, before.position + positions, strike), ()
        stretch: Stretch = self._sides.expected.call("lead", positions, self._read_input(), strike)
        self._sides.tested.call("expect", stretch.entries)
        end = stretch.arrival.position + (stretch.arrival.ending == "finished")
        try:
            return (
                stretch.arrival,
                self._sides.tested.call("run_to", position=end, icount=strike),
                stretch.entries,
            )
        except SideDied:
            return stretch.arrival, None, stretch.entries

    def _run_in_slices(self, here: Arrival, position: int, strike: int) -> tuple[Arrival, Arrival | None]:
        """Run both to `position`, or less if the time is over or they differ already."""
        tested: Arrival | None = here
        while True:
            slice_end = min(position, here.position + SLICE_POSITIONS)
            here, tested = run_both(self._sides, position=slice_end, icount=strike)
            is_there = here.position >= position or here.icount >= strike or here.ending != "reached"
            if is_there or here != tested or self._is_late:
                return here, tested

    def _explain(
        self, before: Arrival, expected: Arrival, tested: Arrival | None, entries: tuple[Entry, ...]
    ) -> dict[str, Any]:
        """Go back to the last equal check, find the first instruction that differs, and describe it."""
        sides = self._sides
        if tested is None:
            sides.expected.rollback()  # the other is back already
        else:
            sides.rollback()
        for side in (sides.expected, sides.tested):
            side.call("expect", entries)
        known = [*self._log, *entries]
        located = locate(sides, before.icount, expected.icount, expected.position)
        if located is None:
            return describe_window(before.icount, expected, tested, self._options.errors, known)
        return describe(sides, located, expected.position + POSITIONS_BEYOND, self._options.errors, known)

    def _note(self, here: Arrival, entries: tuple[Entry, ...]) -> None:
        """Both stand `here` and are equal."""
        while self._strikes and self._strikes[0] <= here.icount:
            self._strikes.pop(0)
        check = Entry(CHECK, here.position, self._compared - 1, here.pc, here.digest)
        for entry in (*entries, check):
            self._log.append(entry)
            name = KIND_NAMES[entry.kind]
            self._counts[name] = self._counts.get(name, 0) + 1
            self._entry_bytes += len(entry.payload)

    def _pass_on_console(self) -> None:
        data = self._sides.expected.call("take_console")
        if data:
            self._options.write_console(data)
            self._meter.add(data)

    def _read_input(self) -> bytes:
        if self._source is None or not select.select([self._source], [], [], 0)[0]:
            return b""
        data = read_available(self._source, INPUT_BYTES_MAX)
        if data is None:
            self._source = None
            return b""
        if self._escape is not None:
            data, self._leaves = self._escape.keys(data)
        return data

    def _outcome(self, here: Arrival) -> str:
        """How the run ends here; empty if it goes on."""
        options = self._options
        if here.ending == "finished":
            exited, _ = self._sides.expected.call("guest_ended")
            return "exit" if exited else "poweroff"
        if here.ending == "idle":
            return "idle"
        if here.ending == "failed":
            raise InternalError(f"the emulator gave up at {here.pc:#x}, on both machines alike")
        if options.max_icount is not None and here.icount >= options.max_icount:
            return "max-icount"
        if self._leaves:
            return "interrupted"
        return "timeout" if self._is_late else ""

    @property
    def _is_late(self) -> bool:
        timeout_s = self._options.timeout_s
        return timeout_s is not None and time.monotonic() - self._start_s >= timeout_s

    def _result(
        self, outcome: str, here: Arrival, divergence: dict[str, Any] | None, wall_s: float
    ) -> RunResult:
        is_equal = outcome not in _FAILURES
        digest = self._sides.expected.call("digest") if outcome not in ("divergence", "interrupted") else None
        return RunResult(
            outcome=outcome,
            exit_code=0 if is_equal else OUTCOME_EXIT_CODES[outcome],
            icount=here.icount,
            wall_s=wall_s,
            console=self._meter.report(),
            digest=digest,
            log={"entries": sum(self._counts.values()), "bytes": self._entry_bytes, "kinds": self._counts},
            checks={"compared": self._compared, "mismatched": int(outcome == "divergence")},
            divergence=divergence,
            message=self._message(outcome, here),
        )

    def _message(self, outcome: str, here: Arrival) -> str:
        if outcome == "divergence":
            return ""
        missed = [str(error) for error in self._options.errors if error.icount > here.icount]
        never = f"; {', '.join(missed)} never struck, for that is later" if missed else ""
        return (
            f"both machines are equal up to instruction {here.icount:,}, {self._compared} comparisons{never}"
        )
