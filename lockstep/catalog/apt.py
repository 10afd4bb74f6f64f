"""Packages of Debian for riscv64, brought and checked by apt itself, without root and whatever the machine
is.

The machine's own apt configuration says from where and with whose signature. A signature that can't be
checked ends the fetch: apt refuses such a mirror, and nothing here tells it otherwise.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lockstep.catalog.apt_config import (
    MachineConfiguration,
    PrivateApt,
    machine_configuration,
    prepare_private_apt,
    render_source,
)
from lockstep.catalog.cache import Progress, file_sha256, write_atomically
from lockstep.catalog.errors import FetchError, MirrorInUpdateError
from lockstep.catalog.sources import Mirror, debian_mirrors, read_sources

_TOOLS = ("apt-get", "apt-cache", "apt-config")
_DEBIAN_KEYRINGS = tuple(
    Path("/usr/share/keyrings") / f"debian-archive-keyring.{extension}" for extension in ("gpg", "pgp")
)
_ALIASES = ("stable", "oldstable")
"""Other names under which a mirror may have a suite."""
_IN_UPDATE = ("File has unexpected size", "Hash Sum mismatch", "Mirror sync in progress")
_STATUS = re.compile(r"dlstatus:\d+:(?P<percent>[0-9.]+):")
_EXACT_DEPENDENCY = re.compile(r"\s*(?P<name>[a-z0-9][a-z0-9+.-]+)(?::\w+)? *\(= *(?P<version>[^)]+)\)\s*")
_MAKE_ROOM = "free some, or set LOCKSTEP_CACHE to a directory elsewhere"


@dataclass(frozen=True)
class Package:
    """One version of a package, as the signed lists describe it."""

    name: str
    version: str
    sha256: str
    size_bytes: int
    depends: str = ""


def require_apt() -> None:
    """Raises FetchError if this machine lacks apt."""
    for tool in _TOOLS:
        if shutil.which(tool) is None:
            raise FetchError(f"{tool} is missing; Linux is fetched with apt: install the package apt")


def open_suite(root: Path, suite: str, probe: str, progress: Progress) -> PrivateApt:
    """An apt in `root` with fresh, verified lists of a suite of Debian that has the package `probe`.

    Tries the machine's Debian mirrors in turn; if none will do, the FetchError says what was wrong with the first. A
    mirror in the middle of an update may be whole under the suite's other name, where it is the release before.
    """
    require_apt()
    machine = machine_configuration()
    apt = prepare_private_apt(root, machine)
    first_error: FetchError | None = None
    for mirror, signed_by in candidates(machine):
        for name in (suite, *_ALIASES):
            source = render_source(mirror, name, signed_by)
            write_atomically(apt.source_parts / "mirror.sources", source.encode())
            try:
                _update(apt, mirror, signed_by, progress)
                _require_codename(apt, suite)
                find_package(apt, probe)
            except FetchError as error:
                first_error = first_error or error
                if name == suite and not isinstance(error, MirrorInUpdateError):
                    break
            else:
                return apt
    raise first_error or FetchError(
        "apt's sources on this machine name no mirror of Debian; add one for main"
    )


def candidates(machine: MachineConfiguration) -> Iterable[tuple[Mirror, str]]:
    """Mirrors, each with the keys that the machine has for it, then with Debian's archive keys if those are
    others.
    """
    sources = read_sources(machine.paths.get("source_list"), machine.paths.get("source_parts"))
    keyring = next((str(path) for path in _DEBIAN_KEYRINGS if path.is_file()), None)
    for mirror in debian_mirrors(sources):
        if mirror.signed_by is not None:
            yield mirror, mirror.signed_by
        if keyring is not None and mirror.signed_by != keyring:
            yield mirror, keyring
        elif mirror.signed_by is None:
            raise FetchError(
                "no keys to check Debian's signature with; install the package debian-archive-keyring"
            )


def _update(apt: PrivateApt, mirror: Mirror, signed_by: str, progress: Progress) -> None:
    # Lists of an earlier run must not stand in for those that fail to come now.
    shutil.rmtree(apt.lists, ignore_errors=True)
    (apt.lists / "partial").mkdir(parents=True)
    messages = _run_with_progress(apt, ["update"], apt.root, "fetching the package lists", progress)
    if messages is None:
        return
    if "NO_PUBKEY" in messages or "signature" in messages.lower() or "not signed" in messages:
        keys = "the key in apt's sources" if "\n" in signed_by else signed_by
        raise FetchError(
            f"the signature of {mirror.uri} can't be verified with {keys};"
            f" install a newer debian-archive-keyring ({_first_error(messages)})"
        )
    kind = MirrorInUpdateError if any(sign in messages for sign in _IN_UPDATE) else FetchError
    raise kind(f"the mirror {mirror.uri} can't be used: {_first_error(messages)}")


def _require_codename(apt: PrivateApt, suite: str) -> None:
    """The lists are those of `suite`, by whatever name they were asked for: apt has checked the signature of that."""
    codenames = {
        line.split()[-1]
        for path in apt.lists.glob("*Release")
        for line in path.read_text(errors="replace").splitlines()
        if line.startswith("Codename: ")
    }
    if codenames != {suite}:
        raise FetchError(f"the mirror has {', '.join(sorted(codenames)) or 'nothing'} instead of {suite}")


def find_package(apt: PrivateApt, name: str) -> Package:
    """The suite's version of a package."""
    command = ["apt-cache", "show", "--no-all-versions", name]
    result = subprocess.run(
        command, env=apt.environment(), capture_output=True, text=True, errors="replace", check=False
    )
    package = parse_record(result.stdout)
    if package is None:
        raise FetchError(f"the mirror has no package {name} for riscv64")
    return package


def parse_record(text: str) -> Package | None:
    """The first record of what `apt-cache show` prints; None if there is none, or it lacks what a package
    must have.
    """
    lines = text.split("\n\n")[0].splitlines()
    fields = {
        name: value.strip() for name, _, value in (line.partition(":") for line in lines if line[:1] != " ")
    }
    try:
        return Package(
            fields["Package"],
            fields["Version"],
            fields["SHA256"],
            int(fields["Size"]),
            fields.get("Depends", ""),
        )
    except (KeyError, ValueError):
        return None


def exact_dependency(package: Package, prefix: str) -> str:
    """The package that a metapackage stands for: its dependency on one version of `prefix`…"""
    for dependency in package.depends.split(","):
        match = _EXACT_DEPENDENCY.fullmatch(dependency)
        if match is not None and match["name"].startswith(prefix):
            return match["name"]
    raise FetchError(f"{package.name} {package.version} doesn't say which {prefix} it stands for")


def download(
    apt: PrivateApt, packages: list[Package], directory: Path, progress: Progress
) -> dict[str, Path]:
    """The packages' files in `directory`, by package name; those that are there already are only checked.

    apt downloads to `directory`/partial, where an interrupted download is resumed; a file is moved up when it
    is whole and its hash is the one in the signed list.
    """
    partial = directory / "partial"
    partial.mkdir(parents=True, exist_ok=True)
    files = {package.name: directory / _file_name(package) for package in packages}
    missing = [package for package in packages if not _is_whole(files[package.name], package)]
    if missing:
        _require_space(directory, sum(package.size_bytes for package in missing))
        names = [f"{package.name}={package.version}" for package in missing]
        messages = _run_with_progress(apt, ["download", *names], partial, "downloading packages", progress)
        if messages is not None:
            # What apt couldn't finish it may not be able to resume either.
            shutil.rmtree(partial, ignore_errors=True)
            raise FetchError(f"downloading {missing[0].name} failed: {_first_error(messages)}")
    for package in missing:
        downloaded = next(
            (path for path in partial.glob(f"{package.name}_*.deb") if _is_whole(path, package)), None
        )
        if downloaded is None:
            raise FetchError(
                f"apt brought no file of {package.name} {package.version} with the hash in its list"
            )
        downloaded.replace(files[package.name])
    return files


def _file_name(package: Package) -> str:
    return f"{package.name}_{package.version.replace(':', '%3a')}.deb"


def _is_whole(path: Path, package: Package) -> bool:
    return (
        path.is_file() and path.stat().st_size == package.size_bytes and file_sha256(path) == package.sha256
    )


def _require_space(directory: Path, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(directory).free
    if free_bytes < needed_bytes:
        raise FetchError(
            f"no room in {directory}: {needed_bytes >> 20} MiB are needed, {free_bytes >> 20} MiB are free;"
            f" {_MAKE_ROOM}"
        )


def _run_with_progress(
    apt: PrivateApt, arguments: list[str], directory: Path, what: str, progress: Progress
) -> str | None:
    """Runs apt-get; None if it succeeded, else what it said on stderr."""
    progress(what, None)
    with tempfile.TemporaryFile("w+", errors="replace") as messages:
        # apt reports its progress, one line at a time, on a descriptor of our choice: its stdout, which says
        # nothing else with -qq.
        command = ["apt-get", "-q", "-q", "-o", "APT::Status-Fd=1", *arguments]
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=apt.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=messages,
            text=True,
            errors="replace",
            close_fds=False,  # it keeps the cache's lock, see `cache_lock`
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if match := _STATUS.match(line):
                    progress(what, min(float(match["percent"]) / 100, 1.0))
            process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            process.stdout.close()
        if process.returncode == 0:
            return None
        messages.seek(0)
        text = messages.read()
        if "No space left on device" in text:
            raise FetchError(f"no room in {apt.root.parent}; {_MAKE_ROOM}")
        return text


def _first_error(messages: str) -> str:
    """apt's first complaint, as one line."""
    lines = [" ".join(line.split()) for line in messages.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("E: ")] or lines or ["apt gave no reason"]
    return errors[0].removeprefix("E: ").removeprefix("W: ")
