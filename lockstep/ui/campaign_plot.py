"""A campaign as a picture: fates by kind of target, and how long detection took. Needs the extra `plots`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lockstep.errors import InternalError, UsageError

FORMATS = (".svg", ".png", ".pdf")
_FATES = ("masked", "detected", "undetected")
_WIDTH_INCHES, _HEIGHT_INCHES = 10, 4


def check_plot(path: Path) -> None:
    """UsageError unless a picture can be drawn to `path`: known before the campaign, not after."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"--plot {path}: give a file that ends in one of {', '.join(FORMATS)}")
    if not path.parent.is_dir():
        raise UsageError(f"--plot {path}: there is no directory {path.parent}")
    try:
        import matplotlib  # noqa: F401  (only whether it is there)
    except ImportError as error:
        raise UsageError("--plot needs matplotlib: pip install 'lockstep-vm[plots]'") from error


def write_plot(table: dict[str, Any], path: Path) -> None:
    """Draw `table`, as a report has it, to `path`. The same file for the same table."""
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams["svg.hashsalt"] = "lockstep"
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(_WIDTH_INCHES, _HEIGHT_INCHES), layout="tight")
    _draw_fates(left, table["rows"][:-1])
    _draw_latencies(right, table)
    figure.suptitle(f"{table['count']} soft errors, seed {table['seed']}")
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}[path.suffix.lower()]
    try:
        figure.savefig(path, metadata=metadata)
    except OSError as error:
        raise InternalError(f"the picture {path} can't be written: {error.strerror}") from error
    finally:
        pyplot.close(figure)


def _draw_fates(axes: Any, rows: list[dict[str, Any]]) -> None:
    kinds = [row["kind"] for row in rows]
    bottom = [0] * len(rows)
    for fate in _FATES:
        counts = [row[fate] for row in rows]
        axes.bar(kinds, counts, bottom=bottom, label=fate)
        bottom = [below + count for below, count in zip(bottom, counts, strict=True)]
    axes.set_ylabel("errors")
    axes.legend()


def _draw_latencies(axes: Any, table: dict[str, Any]) -> None:
    """Which share of the errors was detected within how many instructions."""
    for row in table["rows"][:-1]:
        found = [trial for trial in table["trials"] if trial["fate"] == "detected"]
        latencies = sorted(trial["latency"] for trial in found if trial["kind"] == row["kind"])
        shares = [(index + 1) / len(latencies) for index in range(len(latencies))]
        axes.step(latencies, shares, where="post", label=row["kind"])
    axes.set_xlabel("instructions until detected")
    axes.set_ylabel("share of those detected")
    axes.legend()
