"""apt's records and configuration, as far as they can be checked without apt."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.catalog import apt, apt_config
from lockstep.catalog.errors import FetchError
from lockstep.catalog.sources import Mirror

RECORD = """\
Package: linux-image-riscv64
Version: 6.12.1-1
Depends: foo (>= 1) | bar, linux-image-6.12.1+deb13-riscv64 (= 6.12.1-1), baz
Description: a kernel
 Package: not a field
Size: 1234
SHA256: abcd

Package: older
"""


def test_record_of_a_package() -> None:
    package = apt.parse_record(RECORD)
    assert package is not None
    assert (package.name, package.version, package.sha256, package.size_bytes) == (
        "linux-image-riscv64",
        "6.12.1-1",
        "abcd",
        1234,
    )
    assert apt.exact_dependency(package, "linux-image-") == "linux-image-6.12.1+deb13-riscv64"
    with pytest.raises(FetchError, match="doesn't say which"):
        apt.exact_dependency(package, "linux-headers-")


@pytest.mark.parametrize("text", ["", "N: No packages found\n", RECORD.replace("SHA256: abcd\n", "")])
def test_record_that_lacks_something_is_none(text: str) -> None:
    assert apt.parse_record(text) is None


def test_missing_apt_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchError, match=r"^apt-get is missing; .*install the package apt$"):
        apt.require_apt()


def test_too_little_room_is_said_before_the_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_apt(*_: object) -> str:
        raise AssertionError("apt must not be started")

    monkeypatch.setattr(apt, "_run_with_progress", no_apt)
    package = apt.Package("huge", "1", "00", 1 << 60)
    with pytest.raises(FetchError, match=r"no room in .* MiB are needed"):
        apt.download(apt_config.PrivateApt(tmp_path), [package], tmp_path, lambda what, fraction: None)


def test_partial_download_is_never_taken_for_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """apt claims success, but the file that it leaves is cut, or has other bytes."""
    package = apt.Package(
        "tool", "1:2", "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3", 3
    )
    private = apt_config.PrivateApt(tmp_path / "apt")

    def leaves(content: bytes) -> None:
        def run(_apt: object, _arguments: object, directory: Path, *_: object) -> None:
            (directory / "tool_1%3a2_riscv64.deb").write_bytes(content)

        monkeypatch.setattr(apt, "_run_with_progress", run)

    for content in (b"12", b"124"):
        leaves(content)
        with pytest.raises(FetchError, match="no file of tool"):
            apt.download(private, [package], tmp_path / "debs", lambda what, fraction: None)
        assert list((tmp_path / "debs").glob("*.deb")) == []
    leaves(b"123")
    files = apt.download(private, [package], tmp_path / "debs", lambda what, fraction: None)
    assert files["tool"].read_bytes() == b"123"


def test_inherited_settings_are_about_the_network_and_never_weaken_signatures() -> None:
    dump = """\
APT::Architecture amd64
Acquire
Acquire::http::Proxy http://proxy.example:3128
Acquire::Retries 3
Acquire::AllowInsecureRepositories 1
Acquire::allowweakrepositories true
Acquire::AllowDowngradeToInsecureRepositories 1
Acquire::Languages:: de
Acquire::IndexTargets::deb::DEP-11::MetaKey x
Acquire::odd a"b
APT::Update::Post-Invoke:: rm -rf /
"""
    settings = apt_config.inherited_settings(dump)
    assert settings == (
        ("Acquire::http::Proxy", "http://proxy.example:3128"),
        ("Acquire::Retries", "3"),
    )
    text = apt_config.render_configuration(
        Path("/c"), apt_config.MachineConfiguration({"netrc": Path("/n")}, settings)
    )
    assert 'Acquire::http::Proxy "http://proxy.example:3128";\n' in text
    assert 'Acquire::AllowInsecureRepositories "false";\n' in text
    assert 'Dir::Etc::netrc "/n";\n' in text
    assert 'Dir::State "/c/state";\n' in text


def test_source_names_one_suite_of_one_mirror() -> None:
    assert apt_config.render_source(Mirror("http://m.example/debian", None, "no"), "trixie", "/k.gpg") == (
        "Types: deb\nURIs: http://m.example/debian\nSuites: trixie\nComponents: main\n"
        "Architectures: riscv64\nSigned-By: /k.gpg\nCheck-Valid-Until: no\n"
    )
    assert "Signed-By:\n KEY" in apt_config.render_source(Mirror("http://m.example", None), "sid", "\n KEY")


SYNC = "E: Failed to fetch http://m.example/Packages.xz  File has unexpected size (1 != 2). Mirror sync in progress?"


def open_with(
    releases: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[str], apt_config.PrivateApt | FetchError]:
    """Which names were tried, and what came of it, with a mirror that has these releases, or messages, by name."""
    tried: list[str] = []

    def update(private: apt_config.PrivateApt, *_: object) -> str | None:
        source = (private.source_parts / "mirror.sources").read_text()
        tried.append(next(line.split()[1] for line in source.splitlines() if line.startswith("Suites:")))
        found = releases[tried[-1]]
        (private.lists / "m.example_InRelease").write_text(f"Origin: Debian\nCodename: {found}\n")
        return found if found.startswith("E: ") else None

    monkeypatch.setattr(apt, "require_apt", lambda: None)
    monkeypatch.setattr(apt, "machine_configuration", lambda: apt_config.MachineConfiguration({}, ()))
    monkeypatch.setattr(
        apt, "candidates", lambda _: [(Mirror("http://m.example/debian", "/k.gpg"), "/k.gpg")]
    )
    monkeypatch.setattr(apt, "_run_with_progress", update)
    monkeypatch.setattr(apt, "find_package", lambda *_: None)
    try:
        return tried, apt.open_suite(tmp_path / "apt", "trixie", "tool", lambda what, fraction: None)
    except FetchError as error:
        return tried, error


def test_a_mirror_in_update_is_used_under_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_with({"trixie": "trixie"}, tmp_path, monkeypatch)[0] == ["trixie"]
    tried, opened = open_with({"trixie": SYNC, "stable": "trixie"}, tmp_path, monkeypatch)
    assert tried == ["trixie", "stable"]
    assert isinstance(opened, apt_config.PrivateApt)
    tried, opened = open_with(
        {"trixie": SYNC, "stable": "forky", "oldstable": "trixie"}, tmp_path, monkeypatch
    )
    assert tried == ["trixie", "stable", "oldstable"]
    assert isinstance(opened, apt_config.PrivateApt)


def test_another_release_is_not_taken_for_the_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The complaint is about the suite that was wanted. Nothing else is tried for another reason."""
    others = {"trixie": SYNC, "stable": "forky", "oldstable": "bookworm"}
    tried, failed = open_with(others, tmp_path, monkeypatch)
    assert tried == ["trixie", "stable", "oldstable"]
    assert "File has unexpected size" in str(failed)
    tried, failed = open_with({"trixie": "E: Could not resolve 'm.example'"}, tmp_path, monkeypatch)
    assert tried == ["trixie"]
    assert "Could not resolve" in str(failed)
