"""The manifest: it comes back as it was written, and it notices files that changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.catalog import manifest as m

EXAMPLE = m.Manifest(
    recipe="1-abc",
    suite="trixie",
    directory="linux-1",
    append="console=ttyS0",
    versions={"opensbi": "1.6-1"},
    packages={"opensbi": "00"},
    modules=["modules/ext4.ko"],
    files={"Image": m.ManifestFile(3, "11"), "initrd": m.ManifestFile(0, "22")},
)


def test_round_trip() -> None:
    assert m.decode_manifest(m.encode_manifest(EXAMPLE)) == EXAMPLE


@pytest.mark.parametrize(
    "changed",
    [{"format": 2}, {"unknown": 1}, {"files": {"Image": {"size": 1}}}, {"files": ["Image"]}, {"files": None}],
)
def test_foreign_manifest_counts_as_none(changed: dict[str, object]) -> None:
    fields = {**json.loads(m.encode_manifest(EXAMPLE)), **changed}
    assert m.decode_manifest(json.dumps(fields).encode()) is None


@given(st.one_of(st.binary(max_size=100), st.integers(0, len(m.encode_manifest(EXAMPLE)) - 3)))
def test_garbage_or_cut_manifest_counts_as_none(garbage: bytes | int) -> None:
    data = m.encode_manifest(EXAMPLE)[:garbage] if isinstance(garbage, int) else garbage
    assert m.decode_manifest(data) is None


def test_absent_manifest(tmp_path: Path) -> None:
    assert m.load_manifest(tmp_path / "linux.json") is None


def test_changed_files_are_noticed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    files = m.describe_files(tmp_path, ["a"])
    assert files["a"].size_bytes == 3
    assert files["a"].sha256 == "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3"
    assert m.are_files_intact(tmp_path, files)
    (tmp_path / "a").write_bytes(b"124")
    assert m.are_files_present(tmp_path, files)
    assert not m.are_files_intact(tmp_path, files)
    (tmp_path / "a").write_bytes(b"12")
    assert not m.are_files_present(tmp_path, files)
    (tmp_path / "a").unlink()
    assert not m.are_files_present(tmp_path, files)
