"""The pair as lines: who has which role, its figures, its log, what happened. Used by panel and strip."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from rich.style import Style

from lockstep.monitor.status import HostStatus, Status
from lockstep.ui.sparkline import sparkline
from lockstep.ui.view.line import Piece
from lockstep.ui.view.model import Model
from lockstep.ui.view.numbers import bytes_text, clock_text, count_text, milliseconds_text
from lockstep.ui.view.series import latest
from lockstep.ui.view.styles import BAD, CURVE, GOOD, LABEL, POOR, VALUE

_PULSE_PERIOD_S = 1.0
_EVENT_INDENT = 12
_WRAP_WIDTH_MIN = 16
_BAD_EVENTS = {"host-lost", "divergence", "not-protected", "stopped"}
_GOOD_EVENTS = {"protected", "failover", "clone"}


def protection_style(status: Status) -> Style:
    """Green, yellow or red."""
    if status.protection == "Protected":
        return GOOD
    return BAD if "Not Running" in status.protection else POOR


def protection(model: Model) -> list[tuple[str, Style]]:
    """`● Protected`, or why not."""
    status = model.status
    if status is None:
        return [("starting", POOR)]
    reason = f": {status.reason}" if status.reason else ""
    return [(f"{model.glyphs.dot} {status.protection}{reason}", protection_style(status))]


def ordered_hosts(status: Status) -> list[HostStatus]:
    """The primary first."""
    order = ("primary", "going live", "secondary", "starting")
    return sorted(
        status.hosts, key=lambda host: (order.index(host.role) if host.role in order else 9, host.number)
    )


def host_name(host: HostStatus) -> list[Piece]:
    """`primary    host 1  pid 4711`."""
    style = {"primary": GOOD, "going live": POOR, "starting": POOR}.get(host.role, VALUE)
    pid = "" if host.pid is None else f"  pid {host.pid}"
    return [(f"{host.role:<10}", style), f" host {host.number}{pid}"]


def host_stand(model: Model, status: Status, host: HostStatus) -> list[Piece]:
    """How far it is."""
    if host.role == "starting" and not host.icount:
        return [
            ("copying ", LABEL),
            (pulse(status, 16, model.glyphs.horizontal, model.glyphs.levels[-1]), CURVE),
        ]
    stand: list[Piece] = [("icount ", LABEL), f"{host.icount:,}"]
    if host.behind_positions and host.role != "primary":
        stand += [("  behind ", LABEL), count_text(host.behind_positions)]
    return stand


def pulse(status: Status, width: int, quiet: str, moving: str) -> str:
    """Progress whose end isn't known: a piece that moves with the time."""
    piece = max(width // 4, 1)
    at = int(status.uptime_s % _PULSE_PERIOD_S / _PULSE_PERIOD_S * (width - piece + 1))
    return quiet * at + moving * piece + quiet * (width - piece - at)


def curves(model: Model) -> list[tuple[str, str, list[float]]]:
    """The figures with a history: name, value as text, values."""
    series = model.series
    interval_ms, log_bytes_per_s, mips = series.interval_ms, series.log_bytes_per_s, series.mips
    return [
        ("interval", milliseconds_text(interval_ms[-1] if interval_ms else 0.0), list(interval_ms)),
        ("log", f"{bytes_text(latest(log_bytes_per_s))}/s", list(log_bytes_per_s)),
        # What is 0 as a number is nothing as a bar, too: a guest that waits still wakes now and then.
        ("speed", f"{latest(mips):.0f} MIPS", [value if value >= 0.5 else 0.0 for value in mips]),
    ]


def kinds(model: Model, status: Status) -> Iterator[tuple[str, str, str, list[float]]]:
    """Log entries by kind, the most frequent first: name, count, rate, rates so far."""
    for kind, count in sorted(status.log_kinds.items(), key=lambda item: -item[1]):
        rates = model.series.kinds_per_s.get(kind)
        rate = latest(rates) if rates is not None else 0.0
        yield kind, f"{count:,}", f"{count_text(rate)}/s", list(rates or ())


def checks(status: Status) -> list[Piece]:
    """How often the two machines were found the same."""
    pieces: list[Piece] = [("checks ", LABEL), f"{status.checks_compared:,} same"]
    if status.checks_mismatched:
        pieces += ["  ", (f"{status.checks_mismatched:,} DIFFER", BAD)]
    return pieces


def failovers(status: Status) -> list[Piece]:
    """How many, and how long the last blackout was."""
    pieces: list[Piece] = [("failovers ", LABEL), f"{len(status.failovers)}"]
    if status.failovers and status.failovers[-1].get("blackout_ms") is not None:
        pieces += [("  last blackout ", LABEL), milliseconds_text(status.failovers[-1]["blackout_ms"])]
    return pieces


def clones(status: Status) -> list[Piece]:
    """How many, and what the last one took."""
    pieces: list[Piece] = [("clones ", LABEL), f"{len(status.clones)}"]
    if status.clones:
        last = status.clones[-1]
        took, size = milliseconds_text(last["total_ms"]), bytes_text(last["bytes"])
        pieces += [("  last ", LABEL), f"{took}, {size}"]
    return pieces


def events(model: Model, width: int, count: int) -> list[list[Piece]]:
    """The last things that happened, oldest first, in `count` lines; what lockstep said to the user comes last."""
    if count <= 0:
        return []
    lines: list[list[Piece]] = []
    for happening in model.status.happenings[-count:] if model.status is not None else ():
        style = BAD if happening.kind in _BAD_EVENTS else GOOD if happening.kind in _GOOD_EVENTS else Style()
        start: Piece = (f"{happening.at_s:8.2f} s  ", LABEL)
        for text in wrapped(happening.text, width - _EVENT_INDENT):
            lines.append([start, (text, style)])
            start = " " * _EVENT_INDENT
    for notice in list(model.notices)[-2:]:
        lines += [[(text, POOR)] for text in wrapped(notice, width)]
    return lines[-count:]


def wrapped(text: str, width: int) -> list[str]:
    """In as many lines as it takes, or as it is where that makes no sense."""
    return textwrap.wrap(text, width) if width >= _WRAP_WIDTH_MIN else [text]


def time_text(status: Status) -> str:
    """Since the guest's first instruction."""
    return clock_text(status.uptime_s)


def curve_piece(values: list[float], width: int, levels: str) -> Piece:
    """A sparkline."""
    return (sparkline(values, levels, width), CURVE)
