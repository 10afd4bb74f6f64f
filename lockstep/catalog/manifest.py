"""The record of a fetched guest: which packages it came from, and the hash of every file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lockstep.catalog.cache import file_sha256

FORMAT_VERSION = 1


@dataclass(frozen=True)
class ManifestFile:
    """One file of the guest."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a fetch produced."""

    recipe: str
    """Identifies how the files were made from the packages; another recipe makes other files."""
    suite: str
    directory: str
    """The name of the directory with the files, next to the manifest."""
    append: str
    """The default kernel arguments."""
    versions: dict[str, str]
    """Package names and versions."""
    packages: dict[str, str]
    """Package names and the SHA-256 of their .deb files."""
    modules: list[str]
    """The kernel modules for disks and network."""
    files: dict[str, ManifestFile]
    """Names relative to the directory."""
    format: int = FORMAT_VERSION


def describe_files(directory: Path, names: list[str]) -> dict[str, ManifestFile]:
    """Sizes and hashes of files."""
    return {
        name: ManifestFile((directory / name).stat().st_size, file_sha256(directory / name)) for name in names
    }


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as JSON, the same bytes for the same manifest."""
    return json.dumps(asdict(manifest), indent=2, sort_keys=True).encode() + b"\n"


def decode_manifest(data: bytes) -> Manifest | None:
    """None if the data isn't a manifest of our format version: then the guest counts as not fetched."""
    try:
        fields = json.loads(data)
        if fields["format"] != FORMAT_VERSION:
            return None
        files = {name: ManifestFile(**file) for name, file in fields.pop("files").items()}
        return Manifest(files=files, **fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def load_manifest(path: Path) -> Manifest | None:
    """None if there is no manifest, or none that we understand."""
    try:
        return decode_manifest(path.read_bytes())
    except OSError:
        return None


def are_files_present(directory: Path, files: Mapping[str, ManifestFile]) -> bool:
    """Whether all files are there with their sizes: quick, for every start of a guest."""
    try:
        return all((directory / name).stat().st_size == file.size_bytes for name, file in files.items())
    except OSError:
        return False


def are_files_intact(directory: Path, files: Mapping[str, ManifestFile]) -> bool:
    """Whether all files are there with their hashes."""
    return are_files_present(directory, files) and all(
        file_sha256(directory / name) == file.sha256 for name, file in files.items()
    )
