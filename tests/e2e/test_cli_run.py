"""`lockstep run --solo`, as a user sees it: console, exit status, report, bounds."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import xxhash
from command import COMMAND, REPOSITORY, environment, lockstep, run_reported, said_in_one_line
from small_guests import SPIN, finisher_guest, printing_guest, waiting_guest

VIRTUAL = ("--solo", "--clock", "virtual")
KEYS = [
    "version", "guest", "outcome", "exit_code", "icount", "wall_s", "mips", "console", "digest", "log",
    "checks", "failovers", "clones", "divergence",
]  # fmt: skip
SAME = ("icount", "digest", "console", "outcome", "exit_code", "guest")


@pytest.mark.parametrize("clock", ["host", "virtual"])
def test_hello(tmp_path: Path, clock: str) -> None:
    done = lockstep("run", "hello", "--solo", "--clock", clock)
    assert (done.returncode, done.stdout) == (0, b"Hello from lockstep\n"), done.stderr.decode()


def test_python_dash_m_and_the_command_are_the_same_thing() -> None:
    program = "from lockstep.cli.main import main; main(['run', 'hello', '--solo'])"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, check=True)
    assert done.stdout == b"Hello from lockstep\n"


@pytest.mark.parametrize("clock", ["host", "virtual"])
def test_selftest_passes(clock: str) -> None:
    done = lockstep("run", "selftest", "--solo", "--clock", clock)
    assert done.stdout.decode().splitlines()[-1] == "ALL TESTS PASSED"
    assert done.returncode == 0


def test_report(tmp_path: Path) -> None:
    report = run_reported(tmp_path / "r.json", "hello", *VIRTUAL)
    elf = (REPOSITORY / "guests/hello.elf").read_bytes()
    text = b"Hello from lockstep\n"
    assert list(report) == KEYS
    assert report["guest"] == {"name": "hello", "sha256": hashlib.sha256(elf).hexdigest()}
    assert (report["outcome"], report["exit_code"]) == ("poweroff", 0)
    assert report["console"] == {"bytes": len(text), "xxh3_128": xxhash.xxh3_128_hexdigest(text)}
    assert report["mips"] == pytest.approx(report["icount"] / report["wall_s"] / 1e6)
    assert len(bytes.fromhex(report["digest"])) == 16
    assert (report["log"], report["checks"], report["divergence"]) == (None, None, None)
    assert (report["failovers"], report["clones"]) == ([], [])


@pytest.mark.parametrize(
    ("value", "outcome", "exit_code"),
    [
        (0x5555, "poweroff", 0),
        (0x7777, "poweroff", 0),
        (0x3333, "exit", 0),
        (7 << 16 | 0x3333, "exit", 7),
        (119 << 16 | 0x3333, "exit", 119),
        (120 << 16 | 0x3333, "exit", 119),
        (0xFFFF << 16 | 0x3333, "exit", 119),
    ],
)
def test_the_guests_own_exit_status(tmp_path: Path, value: int, outcome: str, exit_code: int) -> None:
    report = run_reported(tmp_path / "r.json", finisher_guest(tmp_path / "guest", value), *VIRTUAL)
    assert (report["outcome"], report["exit_code"]) == (outcome, exit_code)
    assert report["guest"]["name"] == str(tmp_path / "guest")
    assert report["icount"] == 4


def test_two_runs_under_the_virtual_clock_are_equal(tmp_path: Path) -> None:
    first, second = (
        run_reported(tmp_path / f"{name}.json", "compute", *VIRTUAL, "--append", "rounds=1") for name in "ab"
    )
    assert {key: first[key] for key in SAME} == {key: second[key] for key in SAME}
    assert first["icount"] > 100_000_000


@pytest.mark.parametrize("guest", ["smp", "timer", "paging"])
def test_harts_and_interrupts_are_deterministic_too(tmp_path: Path, guest: str) -> None:
    options = ("--harts", 3, "--append", "seconds=1 scale=20")
    first, second = (run_reported(tmp_path / f"{name}.json", guest, *VIRTUAL, *options) for name in "ab")
    assert {key: first[key] for key in SAME} == {key: second[key] for key in SAME}
    assert first["outcome"] == "poweroff"


def test_storm_ends_at_its_timeout(tmp_path: Path) -> None:
    report = run_reported(tmp_path / "r.json", "storm", "--solo", "--timeout", 2)
    assert (report["outcome"], report["exit_code"]) == ("timeout", 124)
    assert 1.99 < report["wall_s"] < 5, "a busy machine adds some"


@pytest.mark.parametrize("clock", ["host", "virtual"])
def test_a_loop_ends_at_its_timeout(tmp_path: Path, clock: str) -> None:
    (tmp_path / "guest").write_bytes(SPIN)
    options = ("--solo", "--clock", clock, "--timeout", 0.5)
    report = run_reported(tmp_path / "r.json", tmp_path / "guest", *options)
    assert (report["outcome"], report["exit_code"]) == ("timeout", 124)


def test_waiting_for_ever_is_idle_under_the_virtual_clock_only(tmp_path: Path) -> None:
    guest = waiting_guest(tmp_path / "guest")
    idle = run_reported(tmp_path / "idle.json", guest, *VIRTUAL)
    assert (idle["outcome"], idle["exit_code"]) == ("idle", 0)
    waiting = run_reported(tmp_path / "waiting.json", guest, "--solo", "--timeout", 0.5)
    assert (waiting["outcome"], waiting["exit_code"]) == ("timeout", 124)


@pytest.mark.parametrize("guest", ["compute", "timer", "paging"])
def test_max_icount_is_deterministic(tmp_path: Path, guest: str) -> None:
    bound = 300_007 if guest == "paging" else 20_000_001
    first, second = (
        run_reported(tmp_path / f"{name}.json", guest, *VIRTUAL, "--max-icount", bound) for name in "ab"
    )
    assert {key: first[key] for key in SAME} == {key: second[key] for key in SAME}
    assert (first["outcome"], first["exit_code"]) == ("max-icount", 124)
    assert bound <= first["icount"] < bound + 1000, "it ends at the next natural start"


def test_a_bound_that_is_not_reached_changes_nothing(tmp_path: Path) -> None:
    plain = run_reported(tmp_path / "a.json", "paging", *VIRTUAL)
    bounded = run_reported(tmp_path / "b.json", "paging", *VIRTUAL, "--max-icount", "1G", "--timeout", 60)
    assert {key: plain[key] for key in SAME} == {key: bounded[key] for key in SAME}


def test_guest_time_follows_real_time(tmp_path: Path) -> None:
    report = run_reported(tmp_path / "r.json", "timer", "--solo", "--append", "seconds=2")
    assert report["outcome"] == "poweroff"
    assert 1.99 < report["wall_s"] < 5, "it takes the seconds that it counts; a busy machine adds some"


def test_virtual_time_does_not_wait(tmp_path: Path) -> None:
    report = run_reported(
        tmp_path / "r.json", "timer", *VIRTUAL, "--append", "seconds=30", "--max-icount", "2G"
    )
    assert report["wall_s"] < 25


def test_no_output_is_lost_however_much_there_is(tmp_path: Path) -> None:
    guest = printing_guest(tmp_path / "guest")
    done = lockstep("run", guest, *VIRTUAL, "--max-icount", "3M", "--report", tmp_path / "r.json")
    assert done.returncode == 124
    assert set(done.stdout) == {ord("x")}
    assert len(done.stdout) > 900_000


def test_stdout_that_is_full(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, "run", "hello", "--solo"],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            timeout=60,
            check=False,
        )
    assert done.returncode == 125
    assert "No space left" in said_in_one_line(done)
