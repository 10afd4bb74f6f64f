"""The first run compiles, once however many start; after that a run starts at once."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from command import environment, lockstep, start_lockstep

from lockstep.native_cache import IMAGE_FILE

HELLO = ("run", "hello", "--solo")
OUTPUT = b"Hello from lockstep\n"


@pytest.mark.slow
def test_concurrent_first_runs_share_one_cache(tmp_path: Path) -> None:
    env = environment(LOCKSTEP_CACHE=str(tmp_path))
    env.pop("NUMBA_CACHE_DIR", None)
    env.pop("LOCKSTEP_NATIVE_CACHE", None)
    processes = [start_lockstep(*HELLO, env=env, stdin=subprocess.DEVNULL) for _ in range(3)]
    results = [process.communicate(timeout=200) for process in processes]
    for process, (output, error) in zip(processes, results, strict=True):
        assert (process.returncode, output) == (0, OUTPUT), error.decode()
        assert error == b"lockstep: compiling native code (first run only) ...\n"
    (directory,) = (tmp_path / "native").iterdir()
    assert (directory / IMAGE_FILE).exists()

    compiled = {path: path.stat().st_mtime_ns for path in directory.rglob("*.nbc")}
    for arguments in (HELLO, ("run", "hello")):
        done = lockstep(*arguments, env=env)
        assert (done.returncode, done.stdout, done.stderr) == (0, OUTPUT, b"")
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*.nbc")} == compiled, (
        "a run after the first one has something to compile"
    )


def test_a_run_with_compiled_code_needs_no_numba() -> None:
    lockstep(*HELLO)
    program = (
        "import sys; from lockstep.cli.main import exit_code_of; "
        f"code = exit_code_of({list(HELLO)!r}); sys.exit(code or 'numba' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, OUTPUT), done.stderr.decode()


@pytest.mark.slow
def test_damaged_compiled_code_is_made_anew(tmp_path: Path) -> None:
    env = environment(LOCKSTEP_CACHE=str(tmp_path))
    env.pop("LOCKSTEP_NATIVE_CACHE", None)
    assert lockstep(*HELLO, env=env).returncode == 0
    (image,) = (tmp_path / "native").glob(f"*/{IMAGE_FILE}")
    whole = image.read_bytes()
    for damaged in (whole[:-1], b"", whole[:-5000] + bytes(5000)):
        image.write_bytes(damaged)
        done = lockstep(*HELLO, env=env)
        assert (done.returncode, done.stdout) == (0, OUTPUT), done.stderr.decode()
        assert len(image.read_bytes()) > len(whole) // 2


@pytest.mark.slow
def test_a_cache_that_can_not_be_written_is_replaced_by_a_temporary_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "temporary").mkdir()
    env = environment(LOCKSTEP_CACHE=str(tmp_path / "file"), TMPDIR=str(tmp_path / "temporary"))
    env.pop("NUMBA_CACHE_DIR", None)
    env.pop("LOCKSTEP_NATIVE_CACHE", None)
    done = lockstep(*HELLO, env=env)
    assert (done.returncode, done.stdout) == (0, OUTPUT), done.stderr.decode()
    said = done.stderr.decode().splitlines()
    assert len(said) == 2
    assert "can't be written" in said[0]
    assert "LOCKSTEP_CACHE" in said[0]
    assert list((tmp_path / "temporary").iterdir()) == [], "the temporary directory is left behind"


def test_first_byte_is_quick() -> None:
    lockstep(*HELLO)

    def cpu_s() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert lockstep(*HELLO).stdout == OUTPUT
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    # From start to end, in processor time, for other tests run at the same time; it waits for nothing.
    assert min(cpu_s() for _ in range(3)) < 1.5
