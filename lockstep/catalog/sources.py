"""apt's source lists, read: which mirrors of Debian this machine uses and which keys it trusts them with.

Both forms of sources.list(5) are understood: stanzas (`.sources`, "deb822") and single lines (`.list`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

DEBIAN_SUITES = frozenset(
    [
        "oldoldstable",
        "oldstable",
        "stable",
        "testing",
        "unstable",
        "sid",
        "buster",
        "bullseye",
        "bookworm",
        "trixie",
        "forky",
        "duke",
    ]
)
"""Suites that only a whole Debian archive has under these plain names (a security archive's end in
-security).
"""

_FALSE_WORDS = frozenset(("no", "false", "without", "off", "disable", "0"))
_PART_NAME = re.compile(r"[A-Za-z0-9_.-]+\.(list|sources)")
_ONE_LINE = re.compile(r"\s*(?P<type>\S+)\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<rest>.*)")


@dataclass(frozen=True)
class Source:
    """One entry: every combination of a URI and a suite is an archive."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    options: dict[str, str] = field(default_factory=dict)
    """All other fields or options, names in lower case, values as they were written."""


@dataclass(frozen=True)
class Mirror:
    """A mirror that carries Debian's own archive."""

    uri: str
    signed_by: str | None
    """Paths of keyrings, fingerprints or a key itself, as apt's Signed-By takes it; None: the entry doesn't
    say.
    """
    check_valid_until: str | None = None


def parse_stanzas(text: str) -> list[Source]:
    """The enabled `deb` entries of a `.sources` file."""
    return [source for fields in _stanzas(text) if (source := _source_of_stanza(fields)) is not None]


def _stanzas(text: str) -> Iterable[dict[str, str]]:
    fields: dict[str, str] = {}
    name = ""
    for line in [*text.split("\n"), ""]:
        line = line.rstrip()
        if line.startswith("#"):
            continue
        if not line:
            if fields:
                yield fields
            fields, name = {}, ""
        elif line[0] in " \t":
            if name:
                fields[name] += "\n" + line
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()


def _source_of_stanza(fields: dict[str, str]) -> Source | None:
    if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in _FALSE_WORDS:
        return None
    names = ("types", "uris", "suites", "components", "enabled")
    return Source(
        uris=tuple(fields.get("uris", "").split()),
        suites=tuple(fields.get("suites", "").split()),
        components=tuple(fields.get("components", "").split()),
        options={name: value for name, value in fields.items() if name not in names},
    )


def parse_lines(text: str) -> list[Source]:
    """The `deb` entries of a `.list` file."""
    sources = []
    for line in text.split("\n"):
        match = _ONE_LINE.fullmatch(_without_comment(line).strip())
        if match is None or match["type"] != "deb":
            continue
        words = match["rest"].split()
        if len(words) < 2:
            continue
        options = (option.partition("=") for option in (match["options"] or "").split())
        sources.append(
            Source(
                uris=(words[0],),
                suites=(words[1],),
                components=tuple(words[2:]),
                # A list is written with commas here, with spaces in a stanza.
                options={name.lower(): value.replace(",", " ") for name, _, value in options},
            )
        )
    return sources


def _without_comment(line: str) -> str:
    """Cuts the line at its `#`, unless that is inside the brackets of the options."""
    close = line.find("]") if "[" in line else -1
    hash_sign = line.find("#")
    if line.find("[") < hash_sign < close:
        hash_sign = line.find("#", close)
    return line if hash_sign < 0 else line[:hash_sign]


def read_sources(source_list: Path | None, source_parts: Path | None) -> list[Source]:
    """The entries of sources.list and of sources.list.d, in apt's order; files that can't be read are left
    out.
    """
    files = [source_list] if source_list and source_list.is_file() else []
    if source_parts and source_parts.is_dir():
        files += sorted(part for part in source_parts.iterdir() if _PART_NAME.fullmatch(part.name))
    sources: list[Source] = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        sources += parse_stanzas(text) if file.suffix == ".sources" else parse_lines(text)
    return sources


def debian_mirrors(sources: Iterable[Source]) -> list[Mirror]:
    """The mirrors that look like Debian's archive, the likeliest first, each once.

    A third party's archive can look the same (suite `bookworm`, component `main`), so entries that are
    trusted through Debian's archive keys come first; whoever uses the list tries them in turn.
    """
    mirrors: dict[tuple[str, str | None], Mirror] = {}
    for source in sources:
        if not DEBIAN_SUITES.intersection(source.suites) or "main" not in source.components:
            continue
        for uri in source.uris:
            if not uri.startswith("cdrom:"):
                signed_by = source.options.get("signed-by") or None
                mirror = Mirror(uri, signed_by, source.options.get("check-valid-until"))
                mirrors.setdefault((uri, signed_by), mirror)
    return sorted(mirrors.values(), key=_likelihood_rank)


def _likelihood_rank(mirror: Mirror) -> int:
    if mirror.signed_by is not None and "debian-archive" in mirror.signed_by:
        return 0
    return 1 if mirror.signed_by is None else 2
