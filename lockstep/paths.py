"""Where lockstep keeps things on this machine."""

import os
from pathlib import Path


def cache_directory() -> Path:
    """$LOCKSTEP_CACHE, or lockstep's folder in the user's cache ($XDG_CACHE_HOME or ~/.cache)."""
    own = os.environ.get("LOCKSTEP_CACHE")
    if own:
        return Path(own)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "lockstep"


def package_directory() -> Path:
    """The folder of the installed package."""
    return Path(__file__).resolve().parent
