"""What docs/trace.md says of the format is what the code has."""

from __future__ import annotations

import re
from pathlib import Path

from lockstep.log.trace.frames import FRAME, FRAME_MAGIC, FRAME_NAMES, TRACE_VERSION

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs/trace.md").read_text()


def test_the_header_is_that_of_the_code() -> None:
    shown = DOCUMENT.split("<!-- header -->")[1].split("<!-- /header -->")[0]
    fields = re.findall(r"^\| (\w+) \| (\d+) \|", shown, re.MULTILINE)
    assert FRAME.names is not None
    assert fields == [(name, str(FRAME[name].itemsize)) for name in FRAME.names]
    assert FRAME_MAGIC.hex(" ") in shown


def test_the_kinds_of_frames_are_those_of_the_code() -> None:
    kinds = re.findall(r"^\| (\d) \| ([A-Z]+)", DOCUMENT, re.MULTILINE)
    assert kinds == [(str(number), name.upper()) for number, name in FRAME_NAMES.items()]
    assert f"version uint64: {TRACE_VERSION}" in DOCUMENT
