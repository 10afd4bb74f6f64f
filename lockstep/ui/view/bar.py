"""The one line that is always there: which guest, how it stands, which key helps."""

from __future__ import annotations

from lockstep.ui.view import pair
from lockstep.ui.view.line import Line, Piece, spread
from lockstep.ui.view.model import Model
from lockstep.ui.view.styles import BAR


def bar(model: Model, columns: int) -> Line:
    """Exactly `columns` cells."""
    status = model.status
    left: list[Piece] = [f" {model.guest}  "]
    left += [(text, BAR + style) for text, style in pair.protection(model)]
    if status is not None:
        left.append(f"  generation {status.generation}  {pair.time_text(status)}")
    return spread(columns, left, [_hint(model)], BAR)


def _hint(model: Model) -> str:
    if model.is_scrolling:
        return f"{model.scrolled_back} lines back: PgUp PgDn, q ends "
    if model.is_escaped:
        return "X leave  P S crash  R protect  H help "
    return "Ctrl-A H: help "
