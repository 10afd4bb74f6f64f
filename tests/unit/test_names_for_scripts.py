"""`from lockstep import ...`: the names for scripts, and what they cost those who don't use them."""

from __future__ import annotations

import subprocess
import sys

import pytest

import lockstep


def test_all_names_are_there() -> None:
    assert set(lockstep.__all__) <= set(dir(lockstep))
    for name in lockstep.__all__:
        assert getattr(lockstep, name).__name__ == name


def test_others_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = lockstep.Nothing


def test_errors_of_scripts_are_errors_of_lockstep() -> None:
    with pytest.raises(lockstep.LockstepError):
        lockstep.Machine("no such guest")


def test_who_uses_none_imports_none() -> None:
    program = "import lockstep, lockstep.cli.app, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {name for name in loaded if name.startswith("lockstep.library")}
    assert not loaded & {"numpy", "unicorn", "msgspec", "numba"}
