"""The command line itself: help, speed of start, usage errors."""

from __future__ import annotations

import resource
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command import COMMAND, environment, lockstep, said_in_one_line, start_lockstep

from lockstep import __version__

HEAVY = ("numba", "llvmlite", "numpy", "unicorn", "rich", "xxhash")


def test_help_names_every_command() -> None:
    done = lockstep("--help")
    assert done.returncode == 0
    assert done.stderr == b""
    for command in ("run", "guests", "fetch", "demo"):
        assert f"\n  {command} " in done.stdout.decode()


@pytest.mark.parametrize("command", ["run", "guests", "fetch", "demo"])
def test_every_command_has_help(command: str) -> None:
    done = lockstep(command, "--help")
    assert done.returncode == 0
    assert b"Usage: lockstep " + command.encode() in done.stdout


def test_help_of_run_names_every_option() -> None:
    shown = lockstep("run", "--help").stdout.decode()
    options = (
        "solo memory harts bios kernel initrd append clock channel crash crash-every crash-unprotected input "
        "report timeout max-icount"
    )
    for option in options.split():
        assert f"--{option} " in shown, option


def test_help_imports_nothing_heavy() -> None:
    program = f"""
import sys
from lockstep.cli.main import exit_code_of
for arguments in (["--help"], ["run", "--help"], ["--version"]):
    assert exit_code_of(arguments) == 0
print("loaded:", [name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env=environment(), check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == b"loaded: []"


def test_help_is_quick() -> None:
    def cpu_s() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        lockstep("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    # In processor time, for other tests run at the same time.
    assert min(cpu_s() for _ in range(5)) < 0.2


def test_version() -> None:
    assert lockstep("--version").stdout.decode() == f"lockstep {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["nonsense"],
        ["run", "hello", "--nonsense"],
        ["run", "hello", "--solo", "--harts", "many"],
        ["run", "hello", "--solo", "--harts", "0"],
        ["run", "hello", "--solo", "--harts", "9"],
        ["run", "hello", "--solo", "--memory", "lots"],
        ["run", "hello", "--solo", "--memory", "-1"],
        ["run", "hello", "--solo", "--memory", "0"],
        ["run", "hello", "--solo", "--memory", "1e9G"],
        ["run", "hello", "--solo", "--clock", "wall"],
        ["run", "hello", "--solo", "--timeout", "soon"],
        ["run", "hello", "--solo", "--timeout", "0"],
        ["run", "hello", "--solo", "--timeout", "nan"],
        ["run", "hello", "--solo", "--max-icount", "-5"],
        ["run", "hello", "--solo", "--crash", "primary@1M"],
        ["run", "hello", "--crash", "nobody@1M"],
        ["run", "hello", "--crash-every", "often"],
        ["run", "hello", "--channel", "pigeon"],
        ["run", "hello", "more", "--solo"],
        ["run", "hello", "--kernel", "x", "--solo"],
        ["run", "--solo"],
        ["run", "hello", "--solo", "--input", "/nowhere/at/all"],
        ["run", "hello", "--solo", "--input", "/"],
        ["run", "hello", "--solo", "--report", "/nowhere/at/all"],
        ["run", "hello", "--solo", "--report", "/"],
        ["fetch", "windows"],
        ["fetch"],
        ["guests", "more"],
    ],
    ids=" ".join,
)
def test_usage_errors_are_one_line(arguments: list[str]) -> None:
    done = lockstep(*arguments)
    assert done.returncode == 2, done.stderr.decode()
    assert done.stdout == b""
    said_in_one_line(done)


def test_no_command_is_a_usage_error() -> None:
    done = lockstep()
    assert done.returncode == 2
    said_in_one_line(done)


def test_guests_lists_bundled_and_fetched_ones(tmp_path: Path) -> None:
    done = lockstep("guests", env=environment(LOCKSTEP_CACHE=str(tmp_path)))
    rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
    names = {"hello", "compute", "timer", "echo", "clocks", "paging", "smp", "sloppy", "storm", "selftest"}
    names |= {"records", "random"}
    assert {row[0] for row in rows} == names | {"linux", "u-boot"}
    state = {row[0]: row[2] for row in rows}
    assert (state["hello"], state["linux"]) == ("ready", "lockstep fetch linux")


def test_a_reader_that_leaves_is_no_bug() -> None:
    with start_lockstep("guests", stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(60) == 125
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.parametrize(("closed", "exit_code"), [("<&-", 0), (">&-", 125), ("2>&-", 0)])
def test_closed_streams(closed: str, exit_code: int) -> None:
    command = shlex.join([*COMMAND, "run", "hello", "--solo"])
    done = subprocess.run(
        ["sh", "-c", f"{command} {closed}"], capture_output=True, env=environment(), timeout=150, check=False
    )
    assert done.returncode == exit_code
    if exit_code:
        assert "output can't be written" in said_in_one_line(done)
    else:
        assert done.stdout == b"Hello from lockstep\n"
