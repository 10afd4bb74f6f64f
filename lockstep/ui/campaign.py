"""A campaign of soft errors as two tables: what checks made of them, and what the guest would have come to without."""

from __future__ import annotations

from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 110
_NAMES = {
    "integer": "integer registers",
    "float": "floating-point registers",
    "pc": "program counter",
    "csr": "CSRs",
    "ram": "RAM",
    "all": "all",
}


def show_campaign(table: dict[str, Any], stream: TextIO) -> None:
    """Write `table`, as a report has it, to `stream`."""
    width = None if stream.isatty() else PLAIN_WIDTH
    Console(file=stream, width=width, highlight=False).print(campaign_view(table))


def campaign_view(table: dict[str, Any]) -> RenderableType:
    """Both tables and what they were made with. The same for the same seed."""
    guest = f"{table['count']} soft errors, seed {table['seed']}, in a guest of {table['guest_icount']:,} instructions"
    checks = f"checked every {table['check_every']:,} instructions, RAM every {table['ram_check_every']:,}"
    return Group(
        Text(f"{guest};\n{checks}"),
        Text("\nFound by checks (latency in instructions)", style="bold"),
        _checks(table["rows"]),
        Text("\nWhat one machine alone would have come to", style="bold"),
        _outcomes(table["rows"]),
    )


def _table(*headings: str) -> Table:
    table = Table(pad_edge=False, box=None, padding=(0, 2, 0, 0))
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index else "left", no_wrap=True)
    return table


def _checks(rows: list[dict[str, Any]]) -> RenderableType:
    table = _table("target", "errors", "masked", "detected", "undetected", "located", "latency median", "p99")
    for row in rows:
        counts = [row[key] for key in ("trials", "masked", "detected", "undetected", "located")]
        latencies = [row[key] for key in ("latency_median", "latency_p99")]
        table.add_row(
            _NAMES[row["kind"]],
            *(str(count) for count in counts),
            *("-" if latency is None else f"{latency:,}" for latency in latencies),
            style="bold" if row["kind"] == "all" else "",
        )
    return table


def _outcomes(rows: list[dict[str, Any]]) -> RenderableType:
    table = _table("target", *rows[-1]["outcomes"])
    for row in rows:
        table.add_row(
            _NAMES[row["kind"]],
            *(str(count) for count in row["outcomes"].values()),
            style="bold" if row["kind"] == "all" else "",
        )
    return table
