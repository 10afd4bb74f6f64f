"""One machine without a log or a secondary: the base line.

The machine runs in a worker thread; this one waits for signals, the timeout and console input.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator

from lockstep.errors import InternalError
from lockstep.host.ending_signals import on_ending_signals
from lockstep.host.live_input import read_available
from lockstep.host.options import RunOptions
from lockstep.host.result import OUTCOME_EXIT_CODES, RunResult
from lockstep.host.solo_devices import SoloDevices
from lockstep.host.solo_recorder import SoloRecorder
from lockstep.host.terminal import EscapeFilter, is_ours, raw_mode
from lockstep.host.trace_file import TraceFile
from lockstep.host.worker import Worker
from lockstep.machine.config import MachineConfig
from lockstep.machine.loader.place import BootPlan
from lockstep.machine.machine import Machine

TICK_S = 0.01
"""How long output may wait in a guest that goes on computing, and guest time in one that is slow."""
PARKED_TICK_S = 0.2
GRACE_S = 2.0
"""How long a machine may take to its next natural block when the run is to end."""


def run_solo(config: MachineConfig, options: RunOptions, plan: BootPlan | None = None) -> RunResult:
    """Run the machine of `config` to its end. GuestError if the guest can't be run.

    For the main thread only: it is where signals are heard. `plan` saves reading the guest's files again.
    """
    devices = SoloDevices(config, options.forwards, options.say)
    try:
        return _run(config, options, plan, devices)
    finally:
        devices.close()


def _run(
    config: MachineConfig, options: RunOptions, plan: BootPlan | None, devices: SoloDevices
) -> RunResult:
    machine = Machine(config, typed=options.typed, plan=plan)
    if config.clock == "host":
        machine.board["rtc_epoch_ns"] = time.time_ns()
    recorder = _recorder(machine, config, options)
    awake_reader, awake_writer = os.pipe()
    os.set_blocking(awake_writer, False)
    try:
        worker = Worker(machine, options, lambda: _poke(awake_writer), recorder)
        devices.connect(machine, worker.arrived)
        with raw_mode(options.live_input), _signals_end(worker, awake_writer):
            worker.start()
            _attend(worker, options, awake_reader, recorder)
        result = _result(worker)
        devices.finish(guest_ended=not worker.ending)
        return result if recorder is None else recorder.end(result)
    finally:
        if recorder is not None:
            recorder.close()
        os.close(awake_reader)
        # Not closed: a worker that hangs in a write may still poke it, and it could be another file by then.
        if not worker.is_alive():
            os.close(awake_writer)


def _recorder(machine: Machine, config: MachineConfig, options: RunOptions) -> SoloRecorder | None:
    """Starts the trace, if one is wanted."""
    if options.trace is None:
        return None
    epoch_ns = int(machine.board["rtc_epoch_ns"]) if config.clock == "host" else None
    return SoloRecorder(TraceFile(options.trace, config, options, epoch_ns), machine)


def _poke(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.write(descriptor, b"\0")


@contextlib.contextmanager
def _signals_end(worker: Worker, awake_writer: int) -> Iterator[None]:
    """Within, the signals that end a program end the run; `awake_writer` is written to when one comes."""
    wakeup_before = signal.set_wakeup_fd(awake_writer, warn_on_full_buffer=False)
    try:
        with on_ending_signals(lambda: worker.end("interrupted")):
            yield
    finally:
        signal.set_wakeup_fd(wakeup_before)


def _attend(worker: Worker, options: RunOptions, awake_reader: int, recorder: SoloRecorder | None) -> None:
    """Serve `worker` until its machine has stopped, or hangs in a write when it is to end."""
    timeout_at_s = time.monotonic() + options.timeout_s if options.timeout_s is not None else None
    give_up_at_s: float | None = None
    source = options.live_input
    escape = EscapeFilter() if source is not None and is_ours(source) else None
    while worker.is_alive() and not (worker.outcome or worker.failure):
        now_s = time.monotonic()
        if timeout_at_s is not None and now_s >= timeout_at_s:
            worker.end("timeout")
        if recorder is not None:
            recorder.tick(now_s)
        if worker.ending:
            give_up_at_s = give_up_at_s or now_s + GRACE_S
            if now_s >= give_up_at_s:
                return
        tick_s = PARKED_TICK_S if worker.is_parked else TICK_S
        if timeout_at_s is not None:
            tick_s = min(tick_s, max(timeout_at_s - now_s, 0.001))
        listened = [awake_reader]
        if source is not None and worker.mailbox.room:
            listened.append(source)
        ready, _, _ = select.select(listened, [], [], tick_s)
        if awake_reader in ready:
            os.read(awake_reader, 4096)
        if source in ready and source is not None:
            data = read_available(source, worker.mailbox.room)
            if data is None:
                source = None
            elif data:
                _type(worker, data, escape)
        elif worker.needs_attention:
            worker.notice()
    worker.join(GRACE_S)


def _type(worker: Worker, data: bytes, escape: EscapeFilter | None) -> None:
    leave = False
    if escape is not None:
        data, leave = escape.keys(data)
    worker.mailbox.put(data)
    if leave:
        worker.end("interrupted")
    worker.notice()


def _result(worker: Worker) -> RunResult:
    machine = worker.machine
    message = ""
    if isinstance(worker.failure, BrokenPipeError):
        outcome = "error"  # whoever read the console has gone and wants no more: nothing to say about it
    elif worker.failure is not None:
        raise worker.failure
    elif worker.outcome:
        outcome = worker.outcome
    elif worker.is_writing:
        outcome = worker.ending  # nobody reads the console
        message = "the last output could not be written: nobody reads it"
    else:
        raise InternalError(f"the guest can't be stopped: it hangs in the code at {machine.pc:#x}")
    return RunResult(
        outcome=outcome,
        exit_code=machine.exit_code if outcome in ("poweroff", "exit") else OUTCOME_EXIT_CODES[outcome],
        icount=machine.icount,
        wall_s=worker.wall_s,
        console=worker.meter.report(),
        digest=machine.digest(),
        message=message,
    )
