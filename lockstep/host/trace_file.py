"""The run's trace as a file: a thread writes it, so that nobody who serves a guest waits for a disk or a compressor."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import queue
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from lockstep import __version__
from lockstep.errors import UsageError
from lockstep.host.disk_content import disk_pieces, disk_sha256
from lockstep.host.messages import Place
from lockstep.host.options import OpenTrace, RunOptions, TraceOptions
from lockstep.host.recorded_disks import disk_role
from lockstep.host.result import RunResult
from lockstep.log.trace.coding import EntryBatch
from lockstep.log.trace.description import Description, DiskFile, End, GuestFile
from lockstep.log.trace.writer import TraceWriter
from lockstep.machine.config import Disk, GuestSource, MachineConfig
from lockstep.machine.loader.place import BootPlan

CLOSE_LIMIT_S = 60.0
PATIENCE_S = 2.0
INCOMPLETE_EXIT_CODE = 125
ROLES = ("guest", "bios", "kernel", "initrd")
Job = Callable[[], None]


def open_trace(options: TraceOptions, plan: BootPlan) -> OpenTrace:
    """Open the file of the trace of a run that starts with `plan`. UsageError if it can't be written."""
    try:
        # Not to be waited for: a pipe that nobody reads.
        descriptor = os.open(
            options.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NONBLOCK, 0o666
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"--trace {options.path} can't be written: {reason}; give another path") from error
    os.set_blocking(descriptor, True)
    return OpenTrace(options, os.fdopen(descriptor, "wb"), plan.guest_name, plan.guest_sha256)


class TraceFile:
    """A trace in the making. All methods come back at once, but for `close`.

    When the file can't be written, the trace ends there, the run goes on, and `trouble` says what happened.
    """

    def __init__(
        self, trace: OpenTrace, config: MachineConfig, options: RunOptions, rtc_epoch_ns: int | None
    ) -> None:
        """Start the trace of a run: what it starts from is written first.

        Of a machine with disks that is waited for: the guest must not have written to them yet.
        """
        self.trace = trace
        self.trouble: str | None = None
        self.next_ordinal = 0
        """How many entries were given: the number of the next one."""
        self._is_closed = False
        self._say = options.say
        self._file: BinaryIO = trace.file
        self._writer: TraceWriter | None = None
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._has_begun = threading.Event()
        self._thread = threading.Thread(target=self._work, name="trace", daemon=True)

        def begin() -> None:
            try:
                self._begin(config, options, rtc_epoch_ns)
            finally:
                self._has_begun.set()

        self._jobs.put(begin)
        self._thread.start()
        if config.disks and not self._has_begun.wait(PATIENCE_S):
            self._say("the disks are being read for the trace, as they are before the guest writes to them")
            self._has_begun.wait()

    def entries(self, first_ordinal: int, batch: EntryBatch, wall_ns: int) -> None:
        """The run's next entries; `first_ordinal` must be `next_ordinal`."""
        assert first_ordinal == self.next_ordinal
        self.next_ordinal += batch.count
        self._jobs.put(lambda: self._written.entries(first_ordinal, batch, wall_ns))

    def open_checkpoint(self) -> BinaryIO | None:
        """A file for a state of the machine, beside the trace and without a name; None: there is no room for one."""
        try:
            return tempfile.TemporaryFile(dir=self.trace.options.path.absolute().parent)
        except OSError:
            return None  # if the disk is full the trace itself will say so

    def checkpoint(self, place: Place, wall_ns: int, state: BinaryIO) -> None:
        """The machine's state at `place`, in a file that is closed once it was read."""

        def write() -> None:
            with state:
                state.seek(0)
                body = state.read()
            self._written.checkpoint(
                place.ordinal, place.position, place.icount, place.console_bytes, wall_ns, body
            )

        self._jobs.put(write)

    def end(self, result: RunResult, position: int | None) -> RunResult:
        """End the trace with what the run came to, at `position`. The result, with what is wrong with the trace."""
        end = _end_of(result, position)
        self._jobs.put(lambda: self._written.end(end))
        self.close()
        if self.trouble is None:
            return result
        text = f"the trace {self.trace.options.path} is not whole: {self.trouble}; record it again where there is room"
        message = f"{result.message}; {text}" if result.message else text
        return dataclasses.replace(
            result, message=message, exit_code=result.exit_code or INCOMPLETE_EXIT_CODE
        )

    def close(self) -> None:
        """Wait for the last byte. May be called again."""
        if self._is_closed:
            return
        self._is_closed = True
        self._jobs.put(lambda: self._written.close())
        self._jobs.put(None)
        self._thread.join(CLOSE_LIMIT_S)
        if self._thread.is_alive():
            self.trouble = self.trouble or "it can't be written"

    @property
    def _written(self) -> TraceWriter:
        assert self._writer is not None
        return self._writer

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self.trouble is None:
                try:
                    job()
                except OSError as error:
                    self.trouble = error.strerror or str(error)
                    self._say(
                        f"the trace {self.trace.options.path} ends here: {self.trouble}; the guest runs on"
                    )
        try:
            self._file.close()
        except OSError as error:
            self.trouble = self.trouble or error.strerror

    def _begin(self, config: MachineConfig, options: RunOptions, rtc_epoch_ns: int | None) -> None:
        sources = {role: source for role in ROLES if (source := getattr(config, role)) is not None}
        keeps_guest = self.trace.options.keeps_guest
        contents = {role: _read(source) for role, source in sources.items()}
        description = Description(
            lockstep_version=__version__,
            memory_bytes=config.memory_bytes,
            harts=config.harts,
            clock=config.clock,
            append=config.append.encode("utf-8", "surrogateescape"),
            typed=options.typed,
            rtc_epoch_ns=rtc_epoch_ns,
            guest_name=self.trace.guest_name,
            guest_sha256=self.trace.guest_sha256,
            files=tuple(_guest_file(role, source, contents[role]) for role, source in sources.items()),
            disks=tuple(_disk_file(disk, is_kept=keeps_guest) for disk in config.disks),
            has_network=config.has_network,
            checks_every_s=options.checks.every_s,
            checks_ram_every_s=options.checks.ram_every_s,
        )
        self._writer = TraceWriter(self._file, description)
        if keeps_guest:
            for number, disk in enumerate(config.disks):
                with disk.path.open("rb", buffering=0) as file:
                    pieces = disk_pieces(file.fileno(), disk.size_bytes)
                    self._writer.disk(disk_role(number), disk.size_bytes, pieces)
            for role, content in contents.items():
                self._writer.content(role, content)


def _read(source: GuestSource) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


def _guest_file(role: str, source: GuestSource, content: bytes) -> GuestFile:
    return GuestFile(
        role=role,
        path=os.fsencode(source.absolute()) if isinstance(source, Path) else None,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _disk_file(disk: Disk, *, is_kept: bool) -> DiskFile:
    sha256 = None
    if not is_kept:
        with disk.path.open("rb", buffering=0) as file:
            sha256 = disk_sha256(file.fileno(), disk.size_bytes)
    return DiskFile(
        path=os.fsencode(disk.path.absolute()),
        size_bytes=disk.size_bytes,
        read_only=disk.read_only,
        sha256=sha256,
    )


def _end_of(result: RunResult, position: int | None) -> End:
    return End(
        outcome=result.outcome,
        exit_code=result.exit_code,
        icount=result.icount,
        position=position,
        digest=result.digest,
        console_bytes=result.console["bytes"],
        console_xxh3_128=result.console["xxh3_128"],
        wall_s=result.wall_s,
    )
