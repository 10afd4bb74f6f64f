"""A divergence as tables: where, what, the code, both register files, memory, devices, the log's end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 110
_ACROSS = 2
"""Registers in a row."""
_MARK = "bold red"


def show_divergence(divergence: dict[str, Any], stream: TextIO) -> None:
    """Write `divergence`, as a report has it, to `stream`."""
    width = None if stream.isatty() else PLAIN_WIDTH
    Console(file=stream, width=width, highlight=False).print(divergence_view(divergence))


def divergence_view(divergence: dict[str, Any]) -> RenderableType:
    """The tables that have something to show."""
    return Group(*_parts(divergence))


def _parts(divergence: dict[str, Any]) -> Iterator[RenderableType]:
    yield Text(_headline(divergence), style="bold")
    yield Text(f"  {divergence['what']}")
    yield Text("")
    for line in divergence["disassembly"]:
        yield Text(f"  {line}", style=_MARK if line.startswith("=>") else "")
    if divergence.get("registers"):
        yield _title("Registers (differences marked; those that are 0 on both sides left out)")
        yield _registers(divergence["registers"])
    if divergence.get("memory"):
        count = divergence["memory_pages"]
        yield _title(f"Memory: {count} page{'s' if count != 1 else ''} differ{'s' if count == 1 else ''}")
        yield _memory(divergence["memory"], count)
    if divergence.get("devices"):
        yield _title("Devices, counters, schedule")
        yield _devices(divergence["devices"])
    if divergence["log"]:
        yield _title("The log's last entries")
        yield _log(divergence["log"])


def _headline(divergence: dict[str, Any]) -> str:
    if divergence["icount"] is None:
        low, high = divergence["window"]
        return f"The machines differed somewhere between instructions {low:,} and {high:,}"
    return f"The machines differ first after instruction {divergence['icount']:,}, pc {divergence['pc']:#x}"


def _title(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _table() -> Table:
    return Table(pad_edge=False, box=None)


def _registers(rows: list[dict[str, Any]]) -> RenderableType:
    table = _table()
    for _ in range(_ACROSS):
        for heading in ("", "name", "expected", "actual"):
            table.add_column(heading, no_wrap=True)
    shown = [row for row in rows if row["differs"] or row["expected"] != "0x0"]
    harts = {row["hart"] for row in rows}
    lines = -(-len(shown) // _ACROSS)
    for line in range(lines):
        cells: list[Text] = []
        for row in shown[line::lines]:
            style = _MARK if row["differs"] else ""
            prefix = f"hart{row['hart']}." if len(harts) > 1 else ""
            name = f"{prefix}{row['name']} {row['abi']}".rstrip()
            values = ("*" if row["differs"] else " ", name, row["expected"], row["actual"])
            cells += [Text(value, style=style) for value in values]
        table.add_row(*cells)
    return table


def _memory(pages: list[dict[str, Any]], count: int) -> RenderableType:
    table = _table()
    for heading in ("page", "address", "expected", "actual"):
        table.add_column(heading, no_wrap=True)
    for page in pages:
        for index, word in enumerate(page["words"]):
            table.add_row(
                "" if index else page["page"], word["address"], word["expected"], word["actual"], style=_MARK
            )
        left = page["words_count"] - len(page["words"])
        if left:
            table.add_row("", f"... and {left} more words of this page", "", "")
    if count > len(pages):
        table.add_row(f"... and {count - len(pages)} more pages", "", "", "")
    return table


def _devices(rows: list[dict[str, str]]) -> RenderableType:
    table = _table()
    for heading in ("name", "expected", "actual"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(row["name"], row["expected"], row["actual"], style=_MARK)
    return table


def _log(entries: list[dict[str, Any]]) -> RenderableType:
    table = _table()
    for heading in ("kind", "position", "pc", "payload"):
        table.add_column(heading, justify="right" if heading == "position" else "left", no_wrap=True)
    for entry in entries:
        table.add_row(entry["kind"], f"{entry['position']:,}", entry["pc"], entry["payload"])
    return table
