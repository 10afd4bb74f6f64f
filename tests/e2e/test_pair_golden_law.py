"""The golden law: solo, protected, protected with hosts killed, over either channel, are one and the same run."""

from __future__ import annotations

import contextlib
import functools
import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pair_runs import Pair, drawn, law, run

TYPED = b"".join(b"line %d of many\n" % number for number in range(40)) + b"quit\n"
GUESTS: dict[str, tuple[object, ...]] = {
    "hello": ("hello",),
    "compute": ("compute", "--append", "rounds=1"),
    "timer": ("timer", "--append", "seconds=1"),
    "clocks": ("clocks",),
    "paging": ("paging", "--append", "rounds=20"),
    "smp": ("smp", "--harts", 4, "--append", "scale=400"),
    "sloppy": ("sloppy", "--append", "rounds=1"),
    "selftest": ("selftest",),
    "echo": ("echo",),
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("solo")


def arguments_of(name: str, directory: Path) -> tuple[object, ...]:
    arguments = (*GUESTS[name], "--clock", "virtual")
    if name != "echo":
        return arguments
    (directory / "typed").write_bytes(TYPED)
    return (*arguments, "--input", directory / "typed")


@functools.cache
def solo_run(name: str, directory: Path) -> dict[str, Any]:
    report, _ = run(directory / f"{name}.json", *arguments_of(name, directory), "--solo")
    return report


def random_crashes(choice: random.Random, icount: int) -> list[object]:
    crashes: list[object] = []
    for _ in range(choice.randint(1, 3)):
        when = f"{choice.randrange(300)}ms" if choice.random() < 0.3 else str(choice.randrange(icount))
        crashes += ["--crash", f"{choice.choice(('primary', 'primary', 'secondary'))}@{when}"]
    print(*crashes)
    return crashes


@pytest.mark.parametrize("name", GUESTS)
def test_protected_is_as_solo(name: str, directory: Path, tmp_path: Path) -> None:
    report, _ = run(tmp_path / "r.json", *arguments_of(name, directory))
    assert law(report) == law(solo_run(name, directory))
    assert report["checks"]["compared"] >= 1
    assert report["checks"]["mismatched"] == 0


@pytest.mark.parametrize("channel", ["shm", "tcp"])
@pytest.mark.parametrize("name", GUESTS)
def test_crashes_at_random_change_nothing(name: str, channel: str, directory: Path, tmp_path: Path) -> None:
    solo = solo_run(name, directory)
    crashes = random_crashes(drawn(), solo["icount"])
    report, done = run(tmp_path / "r.json", *arguments_of(name, directory), "--channel", channel, *crashes)
    assert law(report) == law(solo), done.stderr.decode()


def test_crash_as_early_as_can_be(directory: Path, tmp_path: Path) -> None:
    arguments = (*arguments_of("compute", directory), "--crash", "primary@0", "--crash", "secondary@0")
    report, _ = run(tmp_path / "r.json", *arguments)
    assert law(report) == law(solo_run("compute", directory))
    assert report["failovers"][0]["generation"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("channel", ["shm", "tcp"])
def test_many_crashes_in_one_run(channel: str, tmp_path: Path) -> None:
    """Each as soon as the pair is Protected again, primary and secondary in turns."""
    guest = ("timer", "--append", "seconds=8", "--clock", "virtual")
    solo, _ = run(tmp_path / "s.json", *guest, "--solo")
    report, done = run(tmp_path / "r.json", *guest, "--channel", channel, "--crash-every", "0.05")
    assert law(report) == law(solo), done.stderr.decode()
    generations = [failover["generation"] for failover in report["failovers"]]
    print(f"{len(generations)} failovers, {len(report['clones'])} clones")
    assert generations == list(range(2, len(generations) + 2))
    assert len(generations) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("channel", ["shm", "tcp"])
def test_bursts_of_kills_lose_the_guest_or_change_nothing(channel: str, tmp_path: Path) -> None:
    """Hosts are killed from outside whether or not the pair is Protected, the one that is being made above all."""
    choice = drawn()
    guest = ("compute", "--append", "rounds=6", "--clock", "virtual")
    solo, _ = run(tmp_path / "s.json", *guest, "--solo")
    path, kills = tmp_path / "r.json", 0
    with Pair(*guest, "--channel", channel, "--report", path) as pair:
        # Five hosts that die before the guest has started are taken for a fault of this machine.
        pair.read_until(b"round 0")
        while pair.process.poll() is None:
            hosts = pair.hosts()
            if len(hosts) > 1:
                victim = hosts[-1] if choice.random() < 0.9 else hosts[0]
                victim.kill()
                kills += 1
            let_run(pair, choice.uniform(0.0, 0.15))
        code, _, said = pair.end()
    print(f"{kills} kills, exit {code}")
    report = json.loads(path.read_text())
    if code == 121:
        assert [line for line in said.decode().splitlines() if "compiling" not in line] == [
            "lockstep: no host is left to run the guest"
        ]
    else:
        assert law(report) == law(solo), said.decode()
    assert kills > 0


def let_run(pair: Pair, seconds: float) -> None:
    """Let the pair run for a moment, or to its end."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        pair.process.wait(seconds)


def test_both_hosts_killed_says_so_in_one_line(tmp_path: Path) -> None:
    guest = ("compute", "--clock", "virtual", "--crash-unprotected")
    report, done = run(tmp_path / "r.json", *guest, "--crash", "primary@20M", "--crash", "secondary@20M")
    said = [line for line in done.stderr.decode().splitlines() if "compiling" not in line]
    assert (done.returncode, report["outcome"], len(said)) == (121, "no-host", 1), said


def test_bound_by_icount_is_the_same_place(tmp_path: Path) -> None:
    guest = ("compute", "--append", "rounds=1", "--clock", "virtual", "--max-icount", "100M")
    solo, _ = run(tmp_path / "s.json", *guest, "--solo")
    pair, _ = run(tmp_path / "p.json", *guest)
    crashed, _ = run(tmp_path / "c.json", *guest, "--crash", "primary@30M", "--crash", "primary@31M")
    assert law(solo) == law(pair) == law(crashed)
    assert solo["exit_code"] == 124
