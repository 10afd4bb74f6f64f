"""A private configuration for apt: what this machine's own says about the network, over a state directory of
ours.

apt reads $APT_CONFIG first, and it reads the machine's files from where that file says they are
(apt.conf(5)); ours says "nowhere", and repeats from the machine's configuration only what is about acquiring
files: proxies, timeouts, TLS.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lockstep.catalog.cache import write_atomically
from lockstep.catalog.errors import FetchError
from lockstep.catalog.sources import Mirror

_NOT_INHERITED = (
    # Nothing may weaken the check of signatures.
    "acquire::allowinsecurerepositories",
    "acquire::allowweakrepositories",
    "acquire::allowdowngradetoinsecurerepositories",
    # What to fetch is our business.
    "acquire::indextargets",
    "acquire::languages",
    "acquire::changelogs",
)

_MACHINE_PATHS = {
    "source_list": "Dir::Etc::sourcelist/f",
    "source_parts": "Dir::Etc::sourceparts/d",
    "trusted": "Dir::Etc::trusted/f",
    "trusted_parts": "Dir::Etc::trustedparts/d",
    "netrc": "Dir::Etc::netrc/f",
    "netrc_parts": "Dir::Etc::netrcparts/d",
}


@dataclass(frozen=True)
class MachineConfiguration:
    """What we need of this machine's apt configuration."""

    paths: dict[str, Path]
    """Keys as in `_MACHINE_PATHS`; those that aren't configured are missing."""
    acquire: tuple[tuple[str, str], ...]
    """Names and values of the settings that are inherited."""


def machine_configuration() -> MachineConfiguration:
    """Asks apt-config."""
    pairs = [word for name, key in _MACHINE_PATHS.items() for word in (name, key)]
    assignments = shlex.split(_apt_config("shell", *pairs))
    paths = {name: Path(path) for name, _, path in (text.partition("=") for text in assignments) if path}
    return MachineConfiguration(paths, inherited_settings(_apt_config("dump", "--format", "%F %v%n")))


def _apt_config(*arguments: str) -> str:
    command = ["apt-config", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if result.returncode != 0:
        message = result.stderr.strip().splitlines() or ["no message"]
        raise FetchError(f"apt-config failed: {message[0]}")
    return result.stdout


def inherited_settings(dump: str) -> tuple[tuple[str, str], ...]:
    """The settings about acquiring files in what `apt-config dump --format '%F %v%n'` prints."""
    settings = []
    for line in dump.splitlines():
        name, _, value = line.partition(" ")
        is_inherited = name.lower().startswith("acquire::") and not name.lower().startswith(_NOT_INHERITED)
        if is_inherited and value and '"' not in value:
            settings.append((name, value))
    return tuple(settings)


@dataclass(frozen=True)
class PrivateApt:
    """A directory that apt takes for the machine's: its configuration, lists and caches."""

    root: Path

    @property
    def configuration(self) -> Path:
        """The file that $APT_CONFIG names."""
        return self.root / "apt.conf"

    @property
    def source_parts(self) -> Path:
        """The directory with the mirror that is in use."""
        return self.root / "etc" / "sources.list.d"

    @property
    def lists(self) -> Path:
        """The directory with what `apt-get update` brought."""
        return self.root / "state" / "lists"

    def environment(self) -> dict[str, str]:
        """The environment for apt's commands: this configuration, and messages in a language we read."""
        return {**os.environ, "APT_CONFIG": str(self.configuration), "LC_ALL": "C", "LANGUAGE": "C"}


def prepare_private_apt(root: Path, machine: MachineConfiguration) -> PrivateApt:
    """Writes the configuration. It knows one architecture, riscv64, and no installed package."""
    if '"' in str(root):
        raise FetchError(f"apt can't work in a directory with a quote in its name: {root}")
    apt = PrivateApt(root)
    for directory in (
        "etc/empty",
        "etc/sources.list.d",
        "state/lists/partial",
        "cache/archives/partial",
        "log",
    ):
        (root / directory).mkdir(parents=True, exist_ok=True)
    (root / "state" / "status").touch()
    write_atomically(apt.configuration, render_configuration(root, machine).encode())
    return apt


def render_configuration(root: Path, machine: MachineConfiguration) -> str:
    """The text of the private apt.conf."""
    nowhere, empty = "/dev/null", root / "etc" / "empty"
    settings: list[tuple[str, object]] = [
        *machine.acquire,
        ("Acquire::AllowInsecureRepositories", "false"),
        ("Acquire::AllowWeakRepositories", "false"),
        ("Acquire::AllowDowngradeToInsecureRepositories", "false"),
        ("Acquire::Languages", "none"),
        ("APT::Architecture", "riscv64"),
        ("APT::Architectures", "riscv64"),
        # Without this, a mirror that doesn't answer or isn't signed is a warning, and the old lists are used.
        ("APT::Update::Error-Mode", "any"),
        # Started by root, apt would download as the user _apt, who can't reach root's cache.
        ("APT::Sandbox::User", "root"),
        ("Dir::State", root / "state"),
        ("Dir::State::status", root / "state" / "status"),
        ("Dir::Cache", root / "cache"),
        ("Dir::Log", root / "log"),
        ("Dir::Etc", root / "etc"),
        ("Dir::Etc::main", nowhere),
        ("Dir::Etc::parts", empty),
        ("Dir::Etc::sourcelist", nowhere),
        ("Dir::Etc::sourceparts", root / "etc" / "sources.list.d"),
        ("Dir::Etc::preferences", nowhere),
        ("Dir::Etc::preferencesparts", empty),
        ("Dir::Etc::trusted", machine.paths.get("trusted", nowhere)),
        ("Dir::Etc::trustedparts", machine.paths.get("trusted_parts", empty)),
        ("Dir::Etc::netrc", machine.paths.get("netrc", nowhere)),
        ("Dir::Etc::netrcparts", machine.paths.get("netrc_parts", empty)),
    ]
    return "".join(f'{name} "{value}";\n' for name, value in settings)


def render_source(mirror: Mirror, suite: str, signed_by: str) -> str:
    """A stanza for one suite of one mirror; `signed_by` as in `Mirror`."""
    fields = [
        ("Types", "deb"),
        ("URIs", mirror.uri),
        ("Suites", suite),
        ("Components", "main"),
        ("Architectures", "riscv64"),
        ("Signed-By", signed_by),
        ("Check-Valid-Until", mirror.check_valid_until or ""),
    ]
    return _stanza((name, value) for name, value in fields if value)


def _stanza(fields: Iterable[tuple[str, str]]) -> str:
    # A key written into the source itself begins on the line after the field's name.
    return "".join(
        f"{name}:{value if value.startswith(chr(10)) else ' ' + value}\n" for name, value in fields
    )
