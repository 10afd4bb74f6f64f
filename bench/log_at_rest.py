"""The log at rest: entries from a ring into a trace, and read from there."""

from __future__ import annotations

import dataclasses
import random
import time
from pathlib import Path

from bench.results import MeasurementError
from bench.traces import entry_bytes
from lockstep.host.entries import clock_payload
from lockstep.log.entry import CLOCK, INPUT
from lockstep.log.shared import SharedRing
from lockstep.log.trace.coding import encode_entries
from lockstep.log.trace.description import Description
from lockstep.log.trace.reader import TraceReader
from lockstep.log.trace.writer import TraceWriter

ENTRY_HEADER_BYTES = 40
CODE_PLACES = 200
"""Program counters at which entries take effect: a guest has few places where it waits or loops."""
CLOCK_GAP_POSITIONS = 4_000_000
Given = tuple[int, int, int, bytes]
"""Kind, position, pc and payload of an entry."""


@dataclasses.dataclass(frozen=True)
class AtRest:
    """One log, written and read."""

    written_per_s: float
    read_per_s: float
    bytes_per_entry: float
    fold: int


def draw_entries(kind: int, count: int, payload_size: int, seed: int = 1) -> list[Given]:
    """A log as a guest makes it: a CLOCK entry about every 4 ms, or INPUT of random bytes."""
    draw = random.Random(seed)
    position, offset = 0, 0
    entries = []
    for _ in range(count):
        position += draw.randrange(CLOCK_GAP_POSITIONS // 2, CLOCK_GAP_POSITIONS)
        offset += draw.randrange(1_000_000, 4_000_000)
        payload = clock_payload(offset) if kind == CLOCK else draw.randbytes(payload_size)
        entries.append((kind, position, 0x8000_0000 + 4 * draw.randrange(CODE_PLACES), payload))
    return entries


def write_and_read(entries: list[Given], path: Path) -> AtRest:
    """Both timed by themselves; what is read has to be what was written."""
    size = sum(ENTRY_HEADER_BYTES + len(payload) + 7 for *_, payload in entries)
    with SharedRing.create(1 << (size + (1 << 13)).bit_length(), 0, 0) as ring:
        for entry in entries:
            if ring.append(*entry) is None:
                raise MeasurementError("the log doesn't fit its ring")
        started_s = time.perf_counter()
        with path.open("wb") as file:
            writer = TraceWriter(file, _description())
            while batch := encode_entries(ring, entries[-1][1] + 1):
                writer.entries(writer.next_ordinal, batch, 0)
            writer.close()
        written_s = time.perf_counter()
    with TraceReader(path) as trace:
        opened_s = time.perf_counter()
        batches = [columns for _, columns in trace.batches()]
        read_s = time.perf_counter()
        if sum(map(len, batches)) != len(entries):
            raise MeasurementError(f"of {len(entries)} entries {sum(map(len, batches))} were read")
        fold = sum(int(columns.positions.sum() + columns.payloads.sum()) for columns in batches)
    expected = sum(position + sum(payload) for _, position, _, payload in entries)
    if fold != expected:
        raise MeasurementError(f"what was read isn't what was written: {fold}, not {expected}")
    return AtRest(
        written_per_s=len(entries) / (written_s - started_s),
        read_per_s=len(entries) / (read_s - opened_s),
        bytes_per_entry=entry_bytes(path) / len(entries),
        fold=fold,
    )


LOGS = {"CLOCK entries": (CLOCK, 8), "INPUT of 1 byte": (INPUT, 1), "INPUT of 4096 bytes": (INPUT, 4096)}
"""By name: kind and size of payload."""


def _description() -> Description:
    return Description(
        lockstep_version="0",
        memory_bytes=0,
        harts=1,
        clock="host",
        append=b"",
        typed=b"",
        rtc_epoch_ns=None,
        guest_name="none",
        guest_sha256="",
        files=(),
    )
