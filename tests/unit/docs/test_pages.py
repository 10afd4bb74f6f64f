"""Links and names in README.md and docs/ lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "ARCHITECTURE.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in _anchors(linked), f"{page.name} links to {target}"


def test_the_index_has_every_page() -> None:
    index = (REPOSITORY / "docs/index.md").read_text()
    for page in (REPOSITORY / "docs").glob("*.md"):
        assert page.name == "index.md" or f"({page.name})" in index, f"docs/index.md doesn't have {page.name}"


def test_what_adding_a_device_names_exists() -> None:
    text = (REPOSITORY / "docs/adding-a-device.md").read_text()
    for name in re.findall(r"`((?:\w+/)+(?:\w+\.\w+)?)`", text):
        assert (REPOSITORY / name).exists(), name
    rows = re.findall(r"^\| [^|]+ \| `(lockstep/[\w/]+\.py)` \| (.*) \|$", text, re.MULTILINE)
    assert len(rows) > 5
    for file, example in rows:
        source = (REPOSITORY / file).read_text()
        for name in re.findall(r"`(\w+)`", example):
            assert re.search(rf"\b{name}\b", source), f"{file} has no {name}"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
