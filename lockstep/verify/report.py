"""What a divergence is told with: the contract's keys, and all that helps to understand it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lockstep.log.entry import KIND_NAMES, Entry
from lockstep.machine.soft_error import SoftError
from lockstep.verify.locate import Located, Sides
from lockstep.verify.portrait import (
    PAGES_SHOWN_MAX,
    Portrait,
    devices_of,
    hexadecimal,
    memory_of,
    pages_that_differ,
    registers_of,
)
from lockstep.verify.side import SideDied
from lockstep.verify.subject import Arrival

LOG_SHOWN = 10
_NAMES_SHOWN_MAX = 6
_DIED = "the process of the tested machine died"


def describe_window(
    low: int, expected: Arrival, tested: Arrival | None, errors: Sequence[SoftError], log: Sequence[Entry]
) -> dict[str, Any]:
    """A difference that didn't come again when the instructions since the last equal check, at `low`, were run anew."""
    return {
        "icount": None,
        "pc": None,
        "what": "the difference did not come again when both machines ran again from the last equal check",
        "expected": _told(_arrival(expected)),
        "actual": _told(_arrival(tested)),
        "disassembly": [],
        "window": [low, expected.icount],
        "stood": {"expected": _arrival(expected), "actual": _arrival(tested)},
        "injected": [str(error) for error in errors if error.icount <= expected.icount],
        "log": _log(log),
    }


def describe(
    sides: Sides, located: Located, limit: int, errors: Sequence[SoftError], log: Sequence[Entry]
) -> dict[str, Any]:
    """The difference at `located`, in front of which both sides stand; `limit` is a position past it."""
    before: Portrait = sides.expected.call("portrait")
    struck = [error for error in errors if error.icount == located.icount]
    disassembly = sides.expected.call("disassembly", before.pc)
    sides.push()
    sides.tested.begin("run_to", icount=located.icount, position=limit)
    expected_arrival: Arrival = sides.expected.call("run_to", icount=located.icount, position=limit)
    after: Portrait = sides.expected.call("portrait")
    pc = before.pc
    if struck:
        # No instruction did it: shown is the first one that can feel it.
        pc = after.pc
        disassembly = sides.expected.call("disassembly", pc)
    tested_arrival: Arrival | None = None
    try:
        tested_arrival = sides.tested.result()
        differences = _differences(sides, after, sides.tested.call("portrait"))
    except SideDied as death:
        differences = _nothing_known(str(death))
    what = differences.pop("what")
    if struck:
        what = f"{', '.join(map(str, struck))} was injected; {what}"
    return {
        "icount": located.icount,
        "pc": pc,
        "what": what,
        "expected": differences.pop("expected"),
        "actual": differences.pop("actual"),
        "disassembly": disassembly,
        "window": None,
        "hart": before.hart,
        "stood": {"expected": _arrival(expected_arrival), "actual": _arrival(tested_arrival)},
        "injected": [str(error) for error in errors if error.icount <= located.icount],
        **differences,
        "log": _log([entry for entry in log if entry.position <= before.position]),
    }


def _nothing_known(death: str) -> dict[str, Any]:
    return {
        "what": f"{_DIED} ({death})",
        "expected": "it goes on",
        "actual": _DIED,
        "registers": [],
        "devices": [],
        "memory": [],
        "memory_pages": None,
    }


def _differences(sides: Sides, expected: Portrait, tested: Portrait) -> dict[str, Any]:
    registers, devices = registers_of(expected, tested), devices_of(expected, tested)
    pages = pages_that_differ(expected, tested)
    shown = pages[:PAGES_SHOWN_MAX]
    memory = memory_of(shown, sides.expected.call("pages", shown), sides.tested.call("pages", shown))
    rows = [(_register_name(row, len(expected.registers)), row) for row in registers if row["differs"]]
    rows += [(row["name"], row) for row in devices]
    rows += [(word["address"], word) for page in memory for word in page["words"]]
    return {
        "what": _summary([name for name, _ in rows], len(pages)),
        "expected": _values(rows, "expected"),
        "actual": _values(rows, "actual"),
        "registers": registers,
        "devices": devices,
        "memory": memory,
        "memory_pages": len(pages),
    }


def _values(rows: list[tuple[str, dict[str, Any]]], side: str) -> str:
    return ", ".join(f"{name} {row[side]}" for name, row in rows[:_NAMES_SHOWN_MAX])


def _register_name(row: dict[str, Any], harts: int) -> str:
    return f"hart{row['hart']}.{row['name']}" if harts > 1 else str(row["name"])


def _summary(names: list[str], pages: int) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN_MAX])
    more = f" and {len(names) - _NAMES_SHOWN_MAX} more" if len(names) > _NAMES_SHOWN_MAX else ""
    memory = f" ({pages} page{'s' if pages > 1 else ''} of RAM)" if pages else ""
    return f"{shown}{more} differ{'s' if len(names) == 1 else ''}{memory}"


def _arrival(arrival: Arrival | None) -> dict[str, Any]:
    if arrival is None:
        return {"ending": "died"}
    return {
        "ending": arrival.ending,
        "icount": arrival.icount,
        "position": arrival.position,
        "pc": hexadecimal(arrival.pc),
        "digest": arrival.digest.hex(),
    }


def _told(arrival: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in arrival.items())


def _log(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    return [
        {
            "kind": KIND_NAMES[entry.kind],
            "position": entry.position,
            "sequence": entry.sequence,
            "pc": hexadecimal(entry.pc & (1 << 64) - 1),
            "payload": entry.payload[:32].hex(),
        }
        for entry in list(entries)[-LOG_SHOWN:]
    ]
