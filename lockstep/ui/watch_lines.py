"""What `lockstep watch` prints: lines for people, JSON for programs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from lockstep.log.entry import KIND_NAMES
from lockstep.monitor import control_messages as c
from lockstep.ui.trace_log import what

_NUMBERS = {name: number for number, name in KIND_NAMES.items()}


class ConsoleLines:
    """Cuts the console into lines, which it is printed by where other things come between."""

    def __init__(self) -> None:
        """Nothing was written."""
        self._open = b""

    def add(self, data: bytes) -> Iterator[str]:
        """The lines that `data` completes."""
        *whole, self._open = (self._open + data).split(b"\n")
        for line in whole:
            yield printable(line)

    def rest(self) -> Iterator[str]:
        """The last line, if it is not complete."""
        if self._open:
            yield printable(self._open)
        self._open = b""


def printable(line: bytes) -> str:
    """`line` as text that can do nothing to a terminal."""
    text = line.decode("utf-8", "replace").rstrip("\r")
    return "".join(one if one.isprintable() else "\N{MIDDLE DOT}" for one in text)


def lines(answer: c.Answer, console: ConsoleLines) -> Iterator[str]:
    """`answer` for people."""
    match answer:
        case c.ConsoleText():
            for line in console.add(answer.data):
                yield f"{'console':<31} {line}"
        case c.Event():
            content = what(_NUMBERS.get(answer.kind, 0), answer.payload)
            yield f"{answer.icount:>17,} {answer.kind:<13} {content}".rstrip()
        case c.Happened():
            happening = answer.happening
            yield f"{happening.at_s:>15.3f} s {happening.kind:<13} {happening.text}"
        case c.Gap():
            yield f"{'...':>17} {'gap':<13} {gap_text(answer)}"


def gap_text(gap: c.Gap) -> str:
    """What is missing."""
    parts = [f"{gap.events} events"] if gap.events or not gap.console_bytes else []
    if gap.console_bytes:
        parts.append(f"{gap.console_bytes} bytes of the console")
    return f"{' and '.join(parts)} left out: they came too fast"


def json_line(answer: c.Answer) -> str | None:
    """`answer` for programs; None: nothing to be said."""
    fields: dict[str, Any]
    match answer:
        case c.ConsoleText():
            text = answer.data.decode("utf-8", "replace")
            fields = {"type": "console", "host": answer.host, "offset": answer.offset, "text": text}
            fields["data_base64"] = base64.b64encode(answer.data).decode()
        case c.Event():
            fields = {"type": "event", "host": answer.host, "icount": answer.icount}
            fields |= {"position": answer.position, "kind": answer.kind}
            fields["content"] = what(_NUMBERS.get(answer.kind, 0), answer.payload)
            fields["payload_base64"] = base64.b64encode(answer.payload).decode()
        case c.Happened():
            one = answer.happening
            fields = {
                "type": "happening",
                "at_s": one.at_s,
                "kind": one.kind,
                "text": one.text,
                "data": one.data,
            }
        case c.Gap():
            fields = {"type": "gap", "events": answer.events, "console_bytes": answer.console_bytes}
        case _:
            return None
    return json.dumps(fields)
