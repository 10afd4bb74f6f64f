"""Where compiled code is kept: a directory of its own for every version of the source that is compiled.

Numba itself looks at one file only, and not at what that file imports, so the directory's name is made of all
of them. Where nothing can be written, compiled code goes to a temporary directory that ends with the process.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from lockstep.paths import cache_directory, package_directory

ROOM_BYTES_MIN = 64 << 20
"""Compiled code takes about a third of it."""

_INHERITED = "LOCKSTEP_NATIVE_CACHE"
"""Environment variable by which a process tells the ones that it starts where its compiled code is."""
IMAGE_FILE = "image"
"""Name of the file in it that has all compiled code, once that is complete."""
_WITHOUT_NATIVE_CODE = ("cli", "ui", "catalog", "monitor", "ft", "sim", "verify", "library")


def source_key(package: Path) -> str:
    """What compiled code depends on: Python, Numba, NumPy, and every file that may be compiled.

    Their paths and times are in it as well, for these are what Numba's own index goes by.
    """
    versions = f"{sys.version} {version('numba')} {version('llvmlite')} {version('numpy')} {package}"
    hasher = hashlib.blake2b(versions.encode(), digest_size=12)
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package)
        if name.parts[0] not in _WITHOUT_NATIVE_CODE:
            hasher.update(f"\0{name}\0{path.stat().st_mtime_ns}\0".encode() + path.read_bytes())
    return hasher.hexdigest()


def choose_native_cache() -> tuple[Path, str]:
    """The directory for compiled code, which exists; and one line for the user if it isn't the usual one."""
    inherited = os.environ.get(_INHERITED)
    if inherited and os.path.isdir(inherited):
        return Path(inherited), ""
    parent = Path(os.environ.get("NUMBA_CACHE_DIR") or cache_directory() / "native")
    directory = parent / source_key(package_directory())
    problem = _problem_with(directory)
    if not problem:
        return directory, ""
    temporary = Path(tempfile.mkdtemp(prefix="lockstep-native-"))
    os.environ[_INHERITED] = str(temporary)
    atexit.register(_remove, temporary, os.getpid())
    return temporary, f"the cache {parent} {problem}: compiling anew each time; LOCKSTEP_CACHE names another"


def _problem_with(directory: Path) -> str:
    """Why compiled code can't be kept in `directory`; empty if it can. Creates it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"\0")
        room = os.statvfs(directory)
    except OSError as error:
        return f"can't be written ({error.strerror})"
    if room.f_bavail * room.f_frsize < ROOM_BYTES_MIN and not (directory / IMAGE_FILE).exists():
        return "has no room"
    return ""


def _remove(directory: Path, owner: int) -> None:
    """At the end of the process that made it; a fork of that process leaves it alone."""
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)


NATIVE_CACHE, NATIVE_CACHE_NOTE = choose_native_cache()
"""Compiled code of this very source, and a line for the user if it had to go somewhere else."""
