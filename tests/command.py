"""The command `lockstep` as a user runs it: in a process of its own."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COMMAND = (sys.executable, "-m", "lockstep")
REPOSITORY = Path(__file__).resolve().parents[1]
TIMEOUT_S = 180
NO_NETWORK = (
    "Could not resolve",
    "Temporary failure",
    "Could not connect",
    "Unable to connect",
    "unreachable",
)
"""What apt says then."""


def environment(**changes: str) -> dict[str, str]:
    """This process's environment, with the package in this checkout."""
    inherited = {name: value for name, value in os.environ.items() if name != "LOCKSTEP_NATIVE"}
    path = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))
    return {**inherited, "PYTHONPATH": path, **changes}


def lockstep_on_path(directory: Path) -> dict[str, str]:
    """An environment in which a shell finds `lockstep`: a script, put into `directory`, that starts COMMAND."""
    directory.mkdir(exist_ok=True)
    program = directory / "lockstep"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(COMMAND)} "$@"\n')
    program.chmod(0o755)
    inherited = environment()
    places = (str(directory), str(Path(sys.executable).parent), inherited["PATH"])
    # Pairs that others run have no say in what these are called.
    runtime = directory / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    return {**inherited, "PATH": os.pathsep.join(places), "XDG_RUNTIME_DIR": str(runtime)}


def lockstep(
    *arguments: object, stdin: bytes = b"", env: dict[str, str] | None = None, timeout_s: float = TIMEOUT_S
) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end; `stdin` comes through a pipe."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env=env or environment(),
        timeout=timeout_s,
        check=False,
    )


def start_lockstep(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    """Start the command, with pipes unless `options` says otherwise."""
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen([*COMMAND, *map(str, arguments)], **{"env": environment(), **streams, **options})


def run_reported(path: Path, *arguments: object, stdin: bytes = b"") -> dict[str, Any]:
    """`lockstep run` with --report to `path`; the report."""
    done = lockstep("run", *arguments, "--report", path, stdin=stdin)
    report = json.loads(path.read_text())
    assert report["exit_code"] == done.returncode, done.stderr.decode()
    return dict(report)


def said_in_one_line(done: subprocess.CompletedProcess[bytes]) -> str:
    """What the command said on stderr, which is one line from lockstep and no traceback."""
    said = done.stderr.decode()
    lines = [line for line in said.splitlines() if not line.startswith("lockstep: compiling native code")]
    assert len(lines) == 1, said
    assert lines[0].startswith("lockstep: "), said
    assert "Traceback" not in said
    return lines[0]


def fetch_linux() -> None:
    """Have Linux in the user's cache; skip the test if it isn't there and there is no network."""
    done = lockstep("fetch", "linux", timeout_s=800)
    if done.returncode and any(sign in done.stderr.decode() for sign in NO_NETWORK):
        pytest.skip("no network")
    assert done.returncode == 0, done.stderr.decode()
