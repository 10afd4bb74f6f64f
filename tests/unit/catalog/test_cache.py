"""The cache directory: where it is, atomic writes, and the lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lockstep.catalog import cache
from lockstep.catalog.errors import FetchError
from lockstep.paths import cache_directory


def test_directory_follows_the_environment() -> None:
    home = {"HOME": "/home/u"}
    assert cache_directory(home) == Path("/home/u/.cache/lockstep")
    assert cache_directory({**home, "XDG_CACHE_HOME": "/x"}) == Path("/x/lockstep")
    assert cache_directory({**home, "XDG_CACHE_HOME": "relative"}) == Path("/home/u/.cache/lockstep")
    assert cache_directory({**home, "XDG_CACHE_HOME": ""}) == Path("/home/u/.cache/lockstep")
    assert cache_directory({**home, "XDG_CACHE_HOME": "/x", "LOCKSTEP_CACHE": "/l"}) == Path("/l")


def test_write_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    cache.write_atomically(path, b"one")
    cache.write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_failed_write_keeps_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    path = tmp_path / "file"
    cache.write_atomically(path, b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="No space"):
        cache.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


HOLD_LOCK = """
import sys
from pathlib import Path
from lockstep.catalog.cache import cache_lock
with cache_lock(Path(sys.argv[1]), lambda what, fraction: None):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("ending", ["orderly", "killed"])
def test_lock_waits_for_its_holder_and_outlives_no_holder(tmp_path: Path, ending: str) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"locked\n"
    said: list[str] = []

    def let_go(what: str, fraction: float | None) -> None:
        """Called when the lock is found taken, which is what makes the holder give it up."""
        said.append(what)
        assert holder.stdin is not None
        if ending == "killed":
            holder.send_signal(signal.SIGKILL)
        else:
            holder.stdin.close()

    with cache.cache_lock(tmp_path, let_go):
        pass
    holder.wait()
    holder.stdout.close()
    assert said == ["waiting for another lockstep fetch"]


def test_lock_that_is_free_says_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    with cache.cache_lock(tmp_path / "new" / "cache", lambda what, fraction: said.append(what)):
        assert (tmp_path / "new" / "cache").is_dir()
    assert said == []


def test_cache_that_can_not_be_made_is_a_fetch_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(FetchError, match="can't write to the cache"),
        cache.cache_lock(tmp_path / "file" / "cache", lambda what, fraction: None),
    ):
        pass
