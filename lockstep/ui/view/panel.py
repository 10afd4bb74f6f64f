"""The pair beside the console."""

from __future__ import annotations

from lockstep.monitor.status import Status
from lockstep.ui.view import pair
from lockstep.ui.view.line import Line, Piece, make_line, spread
from lockstep.ui.view.model import Model
from lockstep.ui.view.numbers import bytes_text
from lockstep.ui.view.styles import LABEL, RULE, VALUE

EVENTS_MIN = 4
_INDENT = "  "


def panel(model: Model, columns: int, lines: int) -> list[Line]:
    """Exactly `lines` lines of `columns` cells, a rule at their left."""
    width = columns - 2
    inner = _content(model, width, lines)[:lines]
    inner += [[] for _ in range(lines - len(inner))]
    rule: Piece = (f"{model.glyphs.vertical} ", RULE)
    return [make_line(columns, [rule, *pieces]) for pieces in inner]


def _content(model: Model, width: int, lines: int) -> list[list[Piece]]:
    status = model.status
    if status is None:
        return [list(pair.protection(model)), [], *_events(model, width, lines - 2)]
    head = [*_head(model, status, width), [], *_hosts(model, status)]
    figures = [[], *_curves(model, width)]
    log = [[], *_log(model, status, width)]
    counts = [[], pair.checks(status), pair.failovers(status), pair.clones(status)]
    shown = list(head)
    for section in (figures, counts, log):  # in the order of what one wants to know
        if len(shown) + len(section) + EVENTS_MIN <= lines:
            shown += section
    return [*shown, *_events(model, width, lines - len(shown))]


def _head(model: Model, status: Status, width: int) -> list[list[Piece]]:
    machine = (
        f"{status.harts} hart{'s' * (status.harts > 1)}, {bytes_text(status.memory_bytes)}, {status.channel}"
    )
    generation: list[Piece] = [("generation ", LABEL), (str(status.generation), VALUE)]
    return [
        list(pair.protection(model)),
        list(_spread(width, generation, [(machine, LABEL)])),
    ]


def _hosts(model: Model, status: Status) -> list[list[Piece]]:
    shown: list[list[Piece]] = []
    for host in pair.ordered_hosts(status)[:3]:
        shown += [pair.host_name(host), [_INDENT, *pair.host_stand(model, status, host)]]
    if len(status.hosts) < 2:
        shown += [[("no secondary", LABEL)], []]
    return shown


def _curves(model: Model, width: int) -> list[list[Piece]]:
    shown: list[list[Piece]] = []
    for name, value, values in pair.curves(model):
        start: list[Piece] = [(f"{name:<9}", LABEL), (f"{value:<12}", VALUE)]
        shown.append([*start, pair.curve_piece(values, width - 22, model.glyphs.levels)])
    return shown


def _log(model: Model, status: Status, width: int) -> list[list[Piece]]:
    total = f"{status.log_entries:,} in {bytes_text(status.log_bytes)}"
    shown: list[list[Piece]] = [[("log entries ", LABEL), total]]
    for kind, count, rate, rates in list(pair.kinds(model, status))[:6]:
        start: list[Piece] = [(f"{_INDENT}{kind:<9}", LABEL), f"{count:>10} {rate:>8} "]
        shown.append([*start, pair.curve_piece(rates, width - 32, model.glyphs.levels)])
    return shown


def _events(model: Model, width: int, lines: int) -> list[list[Piece]]:
    happened = pair.events(model, width, lines - 2)
    return [[], [("events", LABEL)], *happened] if happened else []


def _spread(width: int, left: list[Piece], right: list[Piece]) -> list[Piece]:
    return [(segment.text, segment.style or VALUE.null()) for segment in spread(width, left, right)]
