"""Log entries and a trace's statistics as text: tables for people, JSON for programs. Without rich: a log is long."""

from __future__ import annotations

import base64
import dataclasses
import json
import struct
from collections.abc import Iterator
from typing import Any

from lockstep.log.entry import CHECK, CLOCK, DISK, ENTROPY, FRAME, INPUT, KIND_NAMES, Entry
from lockstep.log.trace.statistics import TraceStatistics
from lockstep.ui.network_frame import frame_text
from lockstep.ui.sparkline import sparkline

HEADING = f"{'entry':>9} {'position':>15} {'kind':<8} {'pc':>18} {'bytes':>6}  what"
_SHOWN_MAX = 60
_CLOCK = struct.Struct("<q")
_CHECK = struct.Struct("<2q")
_DISK = struct.Struct("<3q")
DISK_STATUSES = ("flushed", "failed", "unreadable")
"""By the status of a DISK entry."""
_COLOURS = {
    "input": 36, "clock": 2, "check": 32, "snapshot": 35, "end": 1, "disk": 33, "frame": 34, "entropy": 2,
}  # fmt: skip
_DISK_TEXTS = {
    0: "disk {disk}: flushed, up to output {number} all is durable",
    1: "disk {disk}: failed, it takes no more writes",
    2: "disk {disk}: unreadable, request {number} can't be read",
}
BARS = "▁▂▃▄▅▆▇█"
BARS_ASCII = "_.-:=+*#"


def entry_row(entry: Entry, *, colours: bool) -> str:
    """One line of the table under HEADING; `sequence` is the entry's ordinal."""
    name = KIND_NAMES.get(entry.kind, str(entry.kind))
    kind = f"{name:<8}"
    if colours and name in _COLOURS:
        kind = f"\x1b[{_COLOURS[name]}m{kind}\x1b[0m"
    pc = f"{entry.pc & (1 << 64) - 1:#x}"
    row = f"{entry.sequence:>9} {entry.position:>15,} {kind} {pc:>18} {len(entry.payload):>6}"
    return f"{row}  {what(entry.kind, entry.payload)}".rstrip()


def entry_json(entry: Entry) -> str:
    """The entry as one JSON object on one line."""
    fields: dict[str, Any] = {
        "ordinal": entry.sequence,
        "position": entry.position,
        "kind": KIND_NAMES.get(entry.kind, str(entry.kind)),
        "pc": f"{entry.pc & (1 << 64) - 1:#x}",
        "payload_base64": base64.b64encode(entry.payload).decode(),
    }
    if entry.kind == CLOCK and len(entry.payload) == _CLOCK.size:
        (fields["time_offset_ns"],) = _CLOCK.unpack(entry.payload)
    if entry.kind == DISK and len(entry.payload) == _DISK.size:
        disk, status, number = _DISK.unpack(entry.payload)
        fields |= {"disk": disk, "status": _status_name(status), "number": number}
    if entry.kind == FRAME:
        fields["frame"] = frame_text(entry.payload)
    return json.dumps(fields)


def what(kind: int, payload: bytes) -> str:
    """What is in an entry of `kind`, in a few words."""
    if kind == INPUT:
        shown = repr(payload)[1:]
        return shown if len(shown) <= _SHOWN_MAX else f"{shown[:_SHOWN_MAX]}..."
    if kind == CLOCK and len(payload) == _CLOCK.size:
        return f"guest time = position + {_CLOCK.unpack(payload)[0] / 1e6:,.3f} ms"
    if kind == CHECK and len(payload) >= _CHECK.size:
        first, pages = _CHECK.unpack_from(payload)
        return "registers, devices" + (f", RAM pages {first} to {first + pages - 1}" if pages else "")
    if kind == DISK and len(payload) == _DISK.size:
        disk, status, number = _DISK.unpack(payload)
        return _DISK_TEXTS.get(status, "disk {disk}: status {status}, {number}").format(
            disk=disk, status=status, number=number
        )
    if kind == FRAME:
        return frame_text(payload)
    return f"{len(payload)} random bytes" if kind == ENTROPY else ""


def _status_name(status: int) -> str:
    return DISK_STATUSES[status] if 0 <= status < len(DISK_STATUSES) else str(status)


def statistics_text(statistics: TraceStatistics, bars: str = BARS) -> Iterator[str]:
    """Lines for people."""
    wall_s = statistics.wall_s or float("nan")
    yield f"{'kind':<9} {'entries':>10} {'bytes':>12} {'entries/s':>11} {'bytes/s':>12}"
    rows = {name: (kind.entries, kind.bytes) for name, kind in statistics.kinds.items()}
    rows["all"] = (statistics.entries, statistics.ring_bytes)
    for name, (entries, size) in rows.items():
        yield f"{name:<9} {entries:>10,} {size:>12,} {entries / wall_s:>11,.1f} {size / wall_s:>12,.0f}"
    each = statistics.entries_bytes / max(statistics.entries, 1)
    yield ""
    yield f"in the file   {statistics.entries_bytes:,} bytes of entries, {each:.1f} each"
    yield (
        f"              {statistics.bytes_per_million_instructions:,.1f} bytes per million instructions "
        f"({statistics.icount:,} in {statistics.wall_s:.2f} s)"
    )
    yield f"guest files   {statistics.content_bytes:,} bytes"
    yield f"checkpoints   {statistics.checkpoints}, {statistics.checkpoints_bytes:,} bytes"
    yield f"whole file    {statistics.file_bytes:,} bytes"
    steps = statistics.bandwidth_bytes_per_s
    if steps:
        yield f"bandwidth     {sparkline(steps, bars)}  up to {max(steps):,.0f} bytes/s in the file"


def statistics_json(statistics: TraceStatistics) -> str:
    """One JSON object."""
    more = {
        "entries": statistics.entries,
        "ring_bytes": statistics.ring_bytes,
        "bytes_per_million_instructions": statistics.bytes_per_million_instructions,
    }
    return json.dumps(dataclasses.asdict(statistics) | more)
