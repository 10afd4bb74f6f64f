"""Where lockstep keeps things on this machine."""

import os
from collections.abc import Mapping
from pathlib import Path


def cache_directory(environment: Mapping[str, str] | None = None) -> Path:
    """$LOCKSTEP_CACHE, else $XDG_CACHE_HOME/lockstep, else ~/.cache/lockstep; it may not exist yet.

    As the XDG base directory specification demands, a relative $XDG_CACHE_HOME is ignored.
    """
    variables = os.environ if environment is None else environment
    if chosen := variables.get("LOCKSTEP_CACHE"):
        return Path(chosen).absolute()
    xdg = variables.get("XDG_CACHE_HOME", "")
    if os.path.isabs(xdg):
        return Path(xdg) / "lockstep"
    home = variables.get("HOME")
    return (Path(home) if home else Path.home()) / ".cache" / "lockstep"


def package_directory() -> Path:
    """The folder of the installed package."""
    return Path(__file__).resolve().parent
