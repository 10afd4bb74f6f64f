"""Debian binary packages: single files taken out of them, without unpacking the rest."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

from lockstep.catalog.errors import FetchError


def extract_files(package: Path, is_wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """The regular files of a `.deb` whose path (`usr/bin/busybox`, no leading slash) is wanted, with their
    content.
    """
    if shutil.which("dpkg-deb") is None:
        raise FetchError("dpkg-deb is missing; install the package dpkg")
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    found: dict[str, bytes] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                for member in archive:
                    path = member.name.removeprefix("./")
                    if member.isreg() and is_wanted(path):
                        content = archive.extractfile(member)
                        assert content is not None
                        found[path] = content.read()
            process.stdout.read()
        except tarfile.TarError as error:
            process.kill()
            raise FetchError(f"{package.name} can't be unpacked: {error}") from error
        message = process.stderr.read().decode(errors="replace").strip()
    if process.returncode != 0:
        raise FetchError(
            f"{package.name} can't be unpacked: {message.splitlines()[-1] if message else 'damaged'}"
        )
    return found


def extract_file(package: Path, path: str) -> bytes:
    """One file of a `.deb`; a FetchError if it isn't there."""
    found = extract_files(package, lambda candidate: candidate == path)
    if path not in found:
        raise FetchError(f"{package.name} has no {path}")
    return found[path]
