"""One picture per case, out of what it found: matplotlib, an extra."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import Any

from bench.results import ToolMissingError

CURVES_HEIGHT, ROW_HEIGHT, ROWS_EXTRA_HEIGHT, WIDTH = 3.5, 0.25, 0.9, 10.0
"""In inches."""
LOGARITHMIC_FROM = 50
"""How many times the least is the most where an axis becomes logarithmic."""


@dataclasses.dataclass(frozen=True)
class Panel:
    """Values that can be drawn together: of one unit, over one axis if they are points of curves."""

    unit: str
    axis: str | None
    rows: list[dict[str, Any]]

    @property
    def height(self) -> float:
        """In inches."""
        return CURVES_HEIGHT if self.axis else ROWS_EXTRA_HEIGHT + ROW_HEIGHT * len(self.rows)


def require_matplotlib() -> None:
    """ToolMissingError without it."""
    try:
        importlib.import_module("matplotlib")
    except ImportError:
        raise ToolMissingError(
            "plots need matplotlib: install lockstep-vm[plots], or leave --plots out"
        ) from None


def draw_case(case: dict[str, Any], machine: dict[str, str], directory: Path) -> Path:
    """Draw a case (as in `--json`) to an SVG file, a panel for each unit and axis. Returns the file."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    panels = arrange(case["values"])
    heights = [panel.height for panel in panels] or [1.0]
    # Text stays text, and the file depends on nothing but what is drawn.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": case["name"], "font.size": 8}):
        figure, axes = plt.subplots(
            len(heights),
            squeeze=False,
            figsize=(WIDTH, sum(heights)),
            height_ratios=heights,
            layout="constrained",
        )
        for panel, drawn in zip(panels, axes[:, 0], strict=False):
            (_draw_curves if panel.axis else _draw_rows)(panel, drawn)
        figure.suptitle(f"{case['name']}: {machine['cpu']}, {machine['cores']}; median, least and most")
        path = directory / f"{case['name']}.svg"
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
    return path


def arrange(values: list[dict[str, Any]]) -> list[Panel]:
    """The values of a case, in panels, in the order in which they were found."""
    found: dict[tuple[str, str | None], Panel] = {}
    for value in values:
        axis = value["point"]["axis"] if "point" in value else None
        found.setdefault((value["unit"], axis), Panel(value["unit"], axis, [])).rows.append(value)
    return list(found.values())


def _draw_curves(panel: Panel, drawn: Any) -> None:
    for name in dict.fromkeys(row["point"]["curve"] for row in panel.rows):
        rows = sorted(
            (row for row in panel.rows if row["point"]["curve"] == name),
            key=lambda row: float(row["point"]["x"]),
        )
        places = [row["point"]["x"] for row in rows]
        drawn.errorbar(places, _medians(rows), _whiskers(rows), label=name, marker="o", capsize=2)
    drawn.set_xscale("symlog", base=2)
    drawn.set_xticks(sorted({row["point"]["x"] for row in panel.rows}))
    drawn.xaxis.set_major_formatter("{x:g}")
    drawn.minorticks_off()
    drawn.set_xlabel(panel.axis)
    drawn.set_ylabel(panel.unit)
    if _is_wide(panel.rows):
        drawn.set_yscale("log")
    else:
        drawn.set_ylim(bottom=0)
    drawn.legend()


def _draw_rows(panel: Panel, drawn: Any) -> None:
    places = range(len(panel.rows))
    drawn.errorbar(_medians(panel.rows), places, xerr=_whiskers(panel.rows), fmt="o", capsize=2)
    drawn.set_yticks(places, [row["name"].strip() for row in panel.rows])
    drawn.set_ylim(len(panel.rows) - 0.5, -0.5)
    drawn.set_xlabel(panel.unit or "count")
    drawn.grid(axis="x", alpha=0.3)
    if _is_wide(panel.rows):
        drawn.set_xscale("log")
    else:
        drawn.set_xlim(left=min(0.0, *(row["min"] for row in panel.rows)))


def _medians(rows: list[dict[str, Any]]) -> list[float]:
    return [row["median"] for row in rows]


def _whiskers(rows: list[dict[str, Any]]) -> list[list[float]]:
    """From the median down to the least and up to the most."""
    return [[row["median"] - row["min"] for row in rows], [row["max"] - row["median"] for row in rows]]


def _is_wide(rows: list[dict[str, Any]]) -> bool:
    least = float(min(row["min"] for row in rows))
    return least > 0 and float(max(row["max"] for row in rows)) / least > LOGARITHMIC_FROM
