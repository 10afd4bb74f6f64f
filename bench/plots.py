"""One picture per case, out of what it found: matplotlib, an extra."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.results import ToolMissingError

CURVE_HEIGHT, BAR_HEIGHT, BARS_EXTRA_HEIGHT, WIDTH = 4.0, 0.3, 0.9, 10.0
"""In inches."""
LABEL_MAX = 60


def require_matplotlib() -> None:
    """ToolMissingError without it."""
    try:
        import matplotlib as _  # noqa: F401  only whether it is there
    except ImportError:
        raise ToolMissingError(
            "plots need matplotlib: install lockstep-vm[plots], or leave --plots out"
        ) from None


def draw_case(case: dict[str, Any], machine: dict[str, str], directory: Path) -> Path:
    """Draw a case (as in `--json`) to an SVG file: a panel of curves or of bars for each unit. Returns the file."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    panels = _panels(case["values"])
    heights = [
        CURVE_HEIGHT if is_curve else BARS_EXTRA_HEIGHT + BAR_HEIGHT * len(rows)
        for is_curve, _, rows in panels
    ]
    # Text stays text, and the file depends on nothing but what is drawn.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": case["name"], "font.size": 8}):
        figure, axes = plt.subplots(
            max(len(panels), 1),
            squeeze=False,
            figsize=(WIDTH, sum(heights) or 1),
            height_ratios=heights or None,
        )
        for (is_curve, unit, rows), panel in zip(panels, axes[:, 0], strict=False):
            (_draw_curves if is_curve else _draw_bars)(panel, unit, rows)
        figure.suptitle(f"{case['name']}: {machine['cpu']}, {machine['cores']}")
        figure.tight_layout()
        path = directory / f"{case['name']}.svg"
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
    return path


def _panels(values: list[dict[str, Any]]) -> list[tuple[bool, str, list[dict[str, Any]]]]:
    """Values that belong together: whether they are points of curves, their unit, and they."""
    found: dict[tuple[bool, str], list[dict[str, Any]]] = {}
    for value in values:
        found.setdefault(("curve" in value, value["unit"]), []).append(value)
    return [(is_curve, unit, rows) for (is_curve, unit), rows in found.items()]


def _draw_curves(panel: Any, unit: str, rows: list[dict[str, Any]]) -> None:
    for name in dict.fromkeys(row["curve"] for row in rows):
        points = sorted((row for row in rows if row["curve"] == name), key=lambda row: row["x"])
        medians = [point["median"] for point in points]
        spread = [
            [median - point["min"] for median, point in zip(medians, points, strict=True)],
            [point["max"] - median for median, point in zip(medians, points, strict=True)],
        ]
        panel.errorbar([point["x"] for point in points], medians, spread, label=name, marker="o", capsize=2)
    panel.set_xscale("symlog", base=2)
    if all(row["min"] > 0 for row in rows):
        panel.set_yscale("log")
    panel.set_ylabel(unit)
    panel.legend()


def _draw_bars(panel: Any, unit: str, rows: list[dict[str, Any]]) -> None:
    medians = [row["median"] for row in rows]
    spread = [
        [max(row["median"] - row["min"], 0) for row in rows],
        [max(row["max"] - row["median"], 0) for row in rows],
    ]
    places = range(len(rows))
    panel.barh(places, medians, xerr=spread, capsize=2, color="tab:blue", alpha=0.7)
    panel.set_yticks(places, [row["name"].strip()[:LABEL_MAX] for row in rows])
    panel.invert_yaxis()
    panel.set_xlabel(unit or "count")
