"""apt's source lists: both forms, and which of their entries are Debian mirrors."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lockstep.catalog.sources import (
    Mirror,
    Source,
    debian_mirrors,
    parse_lines,
    parse_stanzas,
    read_sources,
)

STANZAS = """\
# a comment before everything
Types: deb deb-src
URIs: http://mirror.example/debian
  http://second.example/debian/
suites: bookworm
# a comment inside a stanza
 bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
Enabled: no
URIs: http://disabled.example/debian
Suites: bookworm
Components: main


Types: deb-src
URIs: http://sources.example/debian
Suites: bookworm
Components: main
"""


def test_stanza_with_continuation_comments_and_any_case() -> None:
    assert parse_stanzas(STANZAS) == [
        Source(
            uris=("http://mirror.example/debian", "http://second.example/debian/"),
            suites=("bookworm", "bookworm-updates"),
            components=("main", "contrib"),
            options={"signed-by": "/usr/share/keyrings/debian-archive-keyring.gpg"},
        )
    ]


def test_key_inside_a_stanza_is_kept_as_written() -> None:
    key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----"
    text = f"Types: deb\nURIs: http://m.example/debian\nSuites: sid\nComponents: main\nSigned-By:{key}\n"
    assert parse_stanzas(text)[0].options["signed-by"] == key


def test_lines_with_options_comments_and_spaces() -> None:
    text = """\
deb http://mirror.example/debian bookworm main contrib # trailing comment
  deb\t[ arch=amd64,riscv64 Signed-By=/a.gpg,/b.gpg ]  http://m.example/debian  trixie  main
deb [signed-by=/with#sign.gpg] http://hash.example/debian sid main
deb-src http://mirror.example/debian bookworm main
# deb http://commented.example/debian bookworm main
deb http://no-suite.example/debian
"""
    assert parse_lines(text) == [
        Source(("http://mirror.example/debian",), ("bookworm",), ("main", "contrib")),
        Source(
            ("http://m.example/debian",),
            ("trixie",),
            ("main",),
            {"arch": "amd64 riscv64", "signed-by": "/a.gpg /b.gpg"},
        ),
        Source(("http://hash.example/debian",), ("sid",), ("main",), {"signed-by": "/with#sign.gpg"}),
    ]


def test_mirrors_are_debian_archives_and_the_likeliest_comes_first() -> None:
    sources = [
        Source(("http://vendor.example/apt",), ("bookworm",), ("main",), {"signed-by": "/vendor.gpg"}),
        Source(("http://plain.example/debian",), ("bookworm",), ("main",)),
        Source(
            ("http://trusted.example/debian",),
            ("bookworm", "bookworm-updates"),
            ("main",),
            {"signed-by": "/usr/share/keyrings/debian-archive-keyring.gpg", "check-valid-until": "no"},
        ),
        Source(("http://security.example/debian-security",), ("bookworm-security",), ("main",)),
        Source(("http://other.example/debian",), ("bookworm",), ("contrib",)),
        Source(("http://ubuntu.example/ubuntu",), ("noble",), ("main",)),
        Source(("cdrom:[disc]/",), ("bookworm",), ("main",)),
        Source(("http://plain.example/debian",), ("bookworm",), ("main", "contrib")),
    ]
    assert debian_mirrors(sources) == [
        Mirror("http://trusted.example/debian", "/usr/share/keyrings/debian-archive-keyring.gpg", "no"),
        Mirror("http://plain.example/debian", None),
        Mirror("http://vendor.example/apt", "/vendor.gpg"),
    ]


def test_files_are_read_as_apt_reads_them(tmp_path: Path) -> None:
    main, parts = tmp_path / "sources.list", tmp_path / "sources.list.d"
    parts.mkdir()
    main.write_text("deb http://first.example/debian sid main\n")
    (parts / "b.sources").write_text(
        "Types: deb\nURIs: http://third.example/debian\nSuites: sid\nComponents: main\n"
    )
    (parts / "a.list").write_text("deb http://second.example/debian sid main\n")
    (parts / "c.list.disabled").write_text("deb http://never.example/debian sid main\n")
    (parts / "d list.list").write_text("deb http://never.example/debian sid main\n")
    assert [source.uris[0] for source in read_sources(main, parts)] == [
        "http://first.example/debian",
        "http://second.example/debian",
        "http://third.example/debian",
    ]
    assert read_sources(tmp_path / "absent", None) == []


words = st.text("abcdefghijklmnopqrstuvwxyz0123456789-./:", min_size=1, max_size=20)
names = st.lists(words.filter(lambda word: not word.startswith("#")), min_size=1, max_size=4)


@given(uri=words, suite=words, components=names, key=words)
def test_both_forms_of_an_entry_mean_the_same(uri: str, suite: str, components: list[str], key: str) -> None:
    line = f"deb [signed-by={key}] {uri} {suite} {' '.join(components)}\n"
    stanza = (
        f"Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents:\n {' '.join(components)}\nSigned-By: {key}\n"
    )
    assert parse_lines(line) == parse_stanzas(stanza)


@given(st.text(max_size=300))
def test_no_text_breaks_the_parsers(text: str) -> None:
    for source in [*parse_lines(text), *parse_stanzas(text)]:
        assert isinstance(source, Source)
