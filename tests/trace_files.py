"""Traces written without processes: a primary runs in this one, and what it logs and comes to goes into a file."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
from pathlib import Path

import msgspec
import xxhash
from pair_in_process import RING_BYTES, RecordingWire

from lockstep import __version__
from lockstep.ft.roles import Event
from lockstep.host.channel import SharedMemoryChannel
from lockstep.host.disk_content import disk_pieces
from lockstep.host.host import Host
from lockstep.host.lead import Lead
from lockstep.host.machine_state import write_machine
from lockstep.host.options import CheckIntervals
from lockstep.host.recorded_disks import disk_role
from lockstep.log.entry import Entry
from lockstep.log.shared import SharedRing
from lockstep.log.trace.coding import encode_entries
from lockstep.log.trace.description import Description, DiskFile, End, GuestFile
from lockstep.log.trace.writer import TraceWriter
from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine

OFTEN = CheckIntervals(every_s=0.002, ram_every_s=0.02)
STEP_POSITIONS = 500_000
CHECKPOINT_POSITIONS = 20_000_000
OUTCOMES = {"FINISHED": "poweroff", "IDLE": "idle"}


def describe(config: MachineConfig, typed: bytes = b"", **changes: object) -> Description:
    """What a trace of this machine says; its guest must be a path or bytes."""
    source = config.guest
    assert source is not None
    content = source if isinstance(source, bytes) else source.read_bytes()
    path = None if isinstance(source, bytes) else str(source).encode()
    sha256 = hashlib.sha256(content).hexdigest()
    description = Description(
        lockstep_version=__version__,
        memory_bytes=config.memory_bytes,
        harts=config.harts,
        clock=config.clock,
        append=config.append.encode(),
        typed=typed,
        rtc_epoch_ns=10**18 if config.clock == "host" else None,
        guest_name=config.guest_name,
        guest_sha256=sha256,
        files=(GuestFile(role="guest", path=path, size_bytes=len(content), sha256=sha256),),
        disks=tuple(
            DiskFile(
                path=os.fsencode(disk.path),
                size_bytes=disk.size_bytes,
                read_only=disk.read_only,
                sha256=None,
            )
            for disk in config.disks
        ),
    )
    return msgspec.structs.replace(description, **changes)


@dataclasses.dataclass
class Recorded:
    """A trace, and what it must come to."""

    data: bytes
    console: bytes
    end: End
    entries: list[Entry]


class Recorder:
    """Leads a guest and writes its trace, a frame after every so many runs."""

    def __init__(
        self,
        config: MachineConfig,
        *,
        typed: bytes = b"",
        live: bytes = b"",
        checks: CheckIntervals = OFTEN,
        positions_max: int = 1 << 62,
        checkpoint_positions: int = CHECKPOINT_POSITIONS,
        keeps_guest: bool = True,
        **changes: object,
    ) -> None:
        """`live` is typed when the guest starts; `changes` are about the description."""
        self.positions_max = positions_max
        self.checkpoint_positions = self.next_checkpoint = checkpoint_positions
        self.host = Host(RecordingWire(), Machine(config, typed=typed))
        description = describe(config, typed, **changes)
        if description.rtc_epoch_ns is not None:
            self.host.machine.board["rtc_epoch_ns"] = description.rtc_epoch_ns
        # There is no control thread here that would make the machine come back now and then.
        self.host.limit = lambda: self.host.machine.position + STEP_POSITIONS
        self.host.become(Event.START_PRIMARY)
        self.ring = SharedRing.create(RING_BYTES, 1, 2)
        self.host.log_to(SharedMemoryChannel(self.ring))
        self.lead = Lead(self.host, checks)
        if live:
            self.lead.type(0, live)
        self.file = io.BytesIO()
        self.writer = TraceWriter(self.file, description)
        self.entries: list[Entry] = []
        for number, disk in enumerate(config.disks):
            with disk.path.open("rb") as file:
                self.writer.disk(
                    disk_role(number), disk.size_bytes, disk_pieces(file.fileno(), disk.size_bytes)
                )
        if keeps_guest:
            source = config.guest
            self.writer.content("guest", source if isinstance(source, bytes) else source.read_bytes())

    def run(self) -> Recorded:
        """To the guest's end, or somewhere past `positions_max`."""
        host, machine = self.host, self.host.machine
        rounds = 0
        while host.ended is None and machine.position < self.positions_max:
            if machine.position >= self.next_checkpoint:
                host.clone_wanted = self._checkpoint
            self.lead.step()
            host.collect_console()
            rounds += 1
            if rounds % 8 == 0:
                self._write_entries()
        self._write_entries()
        retention = host.member.outbox.retention
        console = retention.piece(0, retention.end)
        end = self._end(console)
        self.writer.end(end)
        self.writer.close()
        host.log_to(None)
        return Recorded(self.file.getvalue(), console, end, self.entries)

    def _wall_ns(self) -> int:
        return self.host.machine.position

    def _write_entries(self) -> None:
        batch = encode_entries(self.ring, 1 << 62)
        if batch is not None:
            self.writer.entries(batch.first_sequence, batch, self._wall_ns())

    def _checkpoint(self) -> None:
        self._write_entries()
        machine, body = self.host.machine, io.BytesIO()
        self.next_checkpoint = machine.position + self.checkpoint_positions
        write_machine(machine, body)
        console_bytes = int(machine.board["console_bytes"])
        self.writer.checkpoint(
            self.writer.next_ordinal,
            machine.position,
            machine.icount,
            console_bytes,
            self._wall_ns(),
            body.getvalue(),
        )

    def _end(self, console: bytes) -> End:
        machine, ended = self.host.machine, self.host.ended
        outcome = "timeout" if ended is None else OUTCOMES[ended.stop]
        if machine.exited:
            outcome = "exit"
        return End(
            outcome=outcome,
            exit_code=124 if ended is None else machine.exit_code,
            icount=machine.icount,
            position=machine.position,
            digest=machine.digest(),
            console_bytes=len(console),
            console_xxh3_128=xxhash.xxh3_128_hexdigest(console),
            wall_s=self._wall_ns() / 1e9,
        )


def record(path: Path, config: MachineConfig, **options: object) -> Recorded:
    """Lead the guest of `config` and write its trace to `path`."""
    recorded = Recorder(config, **options).run()
    path.write_bytes(recorded.data)
    return recorded
