"""Debian Linux outlives its hosts and doesn't know."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import fetch_linux
from pair_runs import law, run

pytestmark = [pytest.mark.linux, pytest.mark.slow, pytest.mark.timeout(900)]

LINUX = ("linux", "--append", "run=/bin/uname+-a", "--timeout", 300)


@pytest.fixture(scope="module", autouse=True)
def fetched() -> None:
    fetch_linux()


def test_the_same_run_with_and_without_failures(tmp_path: Path) -> None:
    solo, _ = run(tmp_path / "s.json", *LINUX, "--clock", "virtual", "--solo")
    for channel in ("shm", "tcp"):
        crashes = ("--crash", "primary@300M", "--crash", "secondary@500M", "--crash", "primary@600M")
        report, done = run(tmp_path / "p.json", *LINUX, "--clock", "virtual", "--channel", channel, *crashes)
        assert law(report) == law(solo), done.stdout.decode(errors="replace")[-500:]
        assert report["failovers"]


def test_what_it_says_comes_once(tmp_path: Path) -> None:
    report, done = run(tmp_path / "r.json", *LINUX, "--clock", "host", "--crash", "primary@1s")
    said = [line for line in done.stdout.splitlines() if line.startswith(b"Linux ") and b"riscv64" in line]
    assert len(said) == 1, done.stdout.decode(errors="replace")[-500:]
    assert (report["outcome"], len(report["failovers"])) == ("poweroff", 1)
