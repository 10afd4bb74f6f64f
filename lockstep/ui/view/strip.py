"""The pair below the console, where there is no room beside it."""

from __future__ import annotations

from lockstep.ui.view import pair
from lockstep.ui.view.line import Line, Piece, make_line
from lockstep.ui.view.model import Model
from lockstep.ui.view.numbers import bytes_text
from lockstep.ui.view.styles import LABEL, RULE, VALUE


def strip(model: Model, columns: int, lines: int) -> list[Line]:
    """Exactly `lines` lines of `columns` cells."""
    status = model.status
    rows: list[list[Piece]] = []
    if status is not None:
        hosts: list[Piece] = []
        for host in pair.ordered_hosts(status)[:2]:
            if hosts:
                hosts.append((f" {model.glyphs.vertical} ", RULE))
            hosts += pair.host_name(host)
        if len(status.hosts) < 2:
            hosts += [(f" {model.glyphs.vertical} no secondary", LABEL)]
        rows = [hosts, _curves(model, columns), _log(model)]
    rows += pair.events(model, columns * lines, lines - len(rows))
    rows += [[] for _ in range(lines - len(rows))]
    return [make_line(columns, pieces) for pieces in rows[:lines]]


def _curves(model: Model, columns: int) -> list[Piece]:
    pieces: list[Piece] = []
    shown = pair.curves(model)
    width = max((columns - 62) // len(shown), 4)
    for name, value, values in shown:
        curve = pair.curve_piece(values, width, model.glyphs.levels)
        pieces += [(f"{name} ", LABEL), (f"{value:<11}", VALUE), curve, "  "]
    return pieces


def _log(model: Model) -> list[Piece]:
    status = model.status
    assert status is not None
    pieces: list[Piece] = [("log ", LABEL), f"{bytes_text(status.log_bytes)}: "]
    for kind, count, _, _ in list(pair.kinds(model, status))[:4]:
        pieces += [(f"{kind} ", LABEL), f"{count}  "]
    pieces += [*pair.checks(status), "  ", ("failovers ", LABEL), str(len(status.failovers))]
    return pieces
