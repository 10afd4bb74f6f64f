"""What docs/protocol.md and ARCHITECTURE.md say is what the code has."""

from __future__ import annotations

import re
from pathlib import Path

from lockstep.ft.diagram import roles_table
from lockstep.host import messages
from lockstep.log.entry import KIND_NAMES

REPOSITORY = Path(__file__).resolve().parents[3]
PROTOCOL = (REPOSITORY / "docs/protocol.md").read_text()


def test_the_roles_are_those_of_the_code() -> None:
    shown = PROTOCOL.split("<!-- roles -->\n")[1].split("<!-- /roles -->")[0]
    assert shown == roles_table(), "run: python -m lockstep.ft.diagram, and put its output between the marks"


def test_every_message_is_listed_and_none_else() -> None:
    section = PROTOCOL.split("## Messages")[1].split("## The trace")[0]
    listed = set(re.findall(r"\b[A-Z]\w+\b", section.split("| --- | --- |")[1]))
    defined = {
        name
        for name, kind in vars(messages).items()
        if isinstance(kind, type) and issubclass(kind, messages.Message) and kind is not messages.Message
    }
    assert listed == defined


def test_the_kinds_of_entries_that_a_host_applies_are_listed() -> None:
    section = PROTOCOL.split("## Log entries")[1].split("## Messages")[0]
    listed = set(re.findall(r"^\| ([A-Z]+) \|", section, re.MULTILINE))
    assert listed <= {name.upper() for name in KIND_NAMES.values()}
    assert {"INPUT", "CLOCK", "CHECK", "END", "DISK", "FRAME", "ENTROPY"} == listed


def test_every_file_that_the_documents_name_exists() -> None:
    for document in ("ARCHITECTURE.md", "docs/protocol.md", "docs/determinism.md"):
        for name in re.findall(r"`((?:\w+/)*\w+\.(?:py|md))`", (REPOSITORY / document).read_text()):
            places = [
                REPOSITORY / name,
                REPOSITORY / "lockstep" / name,
                REPOSITORY / "lockstep/machine" / name,
                REPOSITORY / "tests" / name,
            ]
            assert any(place.exists() for place in places), f"{document} names {name}, which isn't there"
