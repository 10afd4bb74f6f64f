"""Many soft errors, each in a copy of the machine that is forked near its instruction."""

from __future__ import annotations

import dataclasses
import functools
import os
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, NoReturn, TypeVar

from lockstep.errors import InternalError, UsageError
from lockstep.machine.config import MachineConfig
from lockstep.machine.loader.place import BootPlan
from lockstep.machine.machine import Machine
from lockstep.machine.soft_error import SoftError
from lockstep.verify.draw import draw_errors
from lockstep.verify.machines import build_machine
from lockstep.verify.reference import Reference, check_interval, measure, record
from lockstep.verify.subject import Subject
from lockstep.verify.trial import Trial, run_trial

ICOUNT_MAX_DEFAULT = 10_000_000_000
_LENGTH_MIN = 1000
Result = TypeVar("Result")
Progress = Callable[[str, float | None], None]


@dataclasses.dataclass(frozen=True)
class CampaignOptions:
    """What to inject."""

    count: int
    seed: int
    every: int | None = None
    """Instructions between checks of registers and devices; None: by the guest's length."""
    max_icount: int | None = None
    typed: bytes = b""
    progress: Progress = lambda step, done: None


@dataclasses.dataclass(frozen=True)
class Campaign:
    """What came out. `trials` are in the order in which their errors were drawn."""

    seed: int
    reference: Reference
    trials: tuple[Trial, ...]
    wall_s: float


def run_campaign(config: MachineConfig, options: CampaignOptions, plan: BootPlan | None = None) -> Campaign:
    """Run the guest once, then once for each error. UsageError if the guest is too short."""
    check_campaign(config, options)
    machine = build_machine(config, options.typed, plan)
    start_s = time.monotonic()
    options.progress("running the guest without errors", None)
    length = _in_copy(lambda: measure(machine, options.max_icount or ICOUNT_MAX_DEFAULT))
    if length < _LENGTH_MIN:
        raise UsageError(f"the guest runs {length} instructions only: give one of {_LENGTH_MIN} or more")
    every = options.every or check_interval(length)
    reference = _in_copy(lambda: record(machine, length, every))
    errors = draw_errors(options.count, options.seed, length, config.harts, reference.pages)
    trials = run_trials(machine, reference, errors, options.progress)
    return Campaign(options.seed, reference, trials, time.monotonic() - start_s)


def check_campaign(config: MachineConfig, options: CampaignOptions) -> None:
    """UsageError if there is no such campaign."""
    if options.count <= 0:
        raise UsageError(f"--campaign {options.count} injects nothing: give 1 or more")
    if options.every is not None and options.every <= 0:
        raise UsageError("--every 0 would never let the guest run: give one as 10K")
    if config.clock != "virtual":
        raise UsageError("--campaign compares with a run that must come again: leave --clock host out")


def run_trials(
    machine: Machine, reference: Reference, errors: Sequence[SoftError], progress: Progress
) -> tuple[Trial, ...]:
    """Walk along the reference; at the check before each error, fork a copy that suffers it."""
    walker = Subject(machine)
    trials: dict[int, Trial] = {}
    running: dict[Connection[Any, Any], tuple[int, int]] = {}
    at_once = len(os.sched_getaffinity(0))
    for number in sorted(range(len(errors)), key=lambda number: (errors[number].icount, number)):
        error = errors[number]
        walker.run_to(icount=(error.icount - 1) // reference.every * reference.every)
        walker.take_console()
        while len(running) >= at_once:
            _collect(running, trials)
        connection, pid = _start(functools.partial(run_trial, machine, error, reference))
        running[connection] = pid, number
        progress("injecting", len(trials) / len(errors))
    while running:
        _collect(running, trials)
    return tuple(trials[number] for number in range(len(errors)))


def _collect(running: dict[Connection[Any, Any], tuple[int, int]], trials: dict[int, Trial]) -> None:
    for connection in wait(list(running)):
        assert isinstance(connection, Connection)
        pid, number = running.pop(connection)
        trials[number] = _result(connection, pid)


def _in_copy(work: Callable[[], Result]) -> Result:
    """What `work` returns in a forked copy of this process, which stays as it is."""
    result: Result = _result(*_start(work))
    return result


def _start(work: Callable[[], Any]) -> tuple[Connection[Any, Any], int]:
    """Where the result of `work` will come from, and the process that does it."""
    ours, theirs = Pipe()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _work(theirs, work)
    theirs.close()
    return ours, pid


def _work(connection: Connection[Any, Any], work: Callable[[], Any]) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        try:
            connection.send((True, work()))
        except Exception as error:
            connection.send((False, f"{type(error).__name__}: {error}"))
    finally:
        os._exit(0)


def _result(connection: Connection[Any, Any], pid: int) -> Any:
    try:
        is_good, value = connection.recv()
    except EOFError as error:
        raise InternalError("a copy of the machine broke down without a word") from error
    finally:
        connection.close()
        os.waitpid(pid, 0)
    if not is_good:
        raise InternalError(f"a copy of the machine failed: {value}")
    return value
