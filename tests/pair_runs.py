"""Protected runs of the real command, and the processes behind them: found, stopped and killed from outside."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil
from command import lockstep, start_lockstep

T = TypeVar("T")
SEED_VARIABLE = "LOCKSTEP_TEST_SEED"
SAME = ("outcome", "exit_code", "icount", "digest", "console")
"""What the golden law says is the same, however a run went."""


def drawn() -> random.Random:
    """A source of random choices; its seed is printed, and taken from LOCKSTEP_TEST_SEED if that is set."""
    seed = os.environ.get(SEED_VARIABLE) or str(random.SystemRandom().getrandbits(32))
    print(f"{SEED_VARIABLE}={seed}")
    return random.Random(int(seed))


def law(report: dict[str, Any]) -> dict[str, Any]:
    """The part of a report that the golden law is about."""
    return {key: report[key] for key in SAME}


def run(
    path: Path, *arguments: object, stdin: bytes = b""
) -> tuple[dict[str, Any], subprocess.CompletedProcess[bytes]]:
    """Run the command to its end with a report at `path`."""
    done = lockstep("run", *arguments, "--report", path, stdin=stdin)
    report = json.loads(path.read_text())
    assert report["exit_code"] == done.returncode, (report, done.stderr.decode())
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return report, done


def wait_for(what: Callable[[], T], limit_s: float = 60.0) -> T:
    """The first value of `what` that is true."""
    end_s = time.monotonic() + limit_s
    while not (value := what()):
        assert time.monotonic() < end_s, "it never came"
        time.sleep(0.002)
    return value


class Pair:
    """A protected run that goes on, as `ps` shows it."""

    def __init__(self, *arguments: object, **streams: Any) -> None:
        self.process = start_lockstep("run", *arguments, **{"stdin": subprocess.DEVNULL, **streams})

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def server(self) -> psutil.Process | None:
        """The fork server."""
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self.process.pid).children():
                if "lockstep.host" in child.cmdline():
                    return child
        return None

    def hosts(self) -> list[psutil.Process]:
        """The host processes, oldest first. The primary is the oldest: it started first or was cloned from."""
        with contextlib.suppress(psutil.Error):
            if (server := self.server()) is not None:
                return sorted(server.children(), key=lambda host: (host.create_time(), host.pid))
        return []

    def both(self) -> list[psutil.Process]:
        """Both hosts, once there are two."""
        return wait_for(lambda: hosts if len(hosts := self.hosts()) >= 2 else [])

    def another(self, than: list[psutil.Process]) -> list[psutil.Process]:
        """Both hosts, once one is there that isn't among `than`."""
        return wait_for(lambda: hosts if len(hosts := self.hosts()) >= 2 and hosts[-1] not in than else [])

    def read_until(self, wanted: bytes) -> bytes:
        """Its console up to and with `wanted`."""
        assert self.process.stdout is not None
        got = b""
        while wanted not in got:
            data = os.read(self.process.stdout.fileno(), 65536)
            assert data, f"only {got!r} came, without {wanted!r}"
            got += data
        return got

    def end(self, limit_s: float = 120) -> tuple[int, bytes, bytes]:
        """Exit status, the rest of the console, and what was said."""
        output, said = self.process.communicate(timeout=limit_s)
        assert b"Traceback" not in said, said.decode()
        return self.process.returncode, output, said
