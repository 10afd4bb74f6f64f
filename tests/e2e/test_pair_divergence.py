"""A secondary that isn't the same machine any more is never trusted in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import lockstep, said_in_one_line
from pair_runs import Pair, law, run
from small_guests import SPIN, waiting_guest

COMPUTE = ("compute", "--append", "rounds=2", "--clock", "virtual")
OFTEN = ("--check-every", "1ms", "--check-ram-every", "10ms")
RAM_END = 0x8000_0000 + (128 << 20)


def spin_guest(directory: Path) -> Path:
    path = directory / "spin"
    path.write_bytes(SPIN)
    return path


def run_spin(directory: Path, *arguments: object) -> tuple[dict[str, Any], list[str]]:
    """A guest that never ends by itself; its report, and what was said."""
    path = directory / "r.json"
    done = lockstep("run", spin_guest(directory), "--timeout", 20, "--report", path, *arguments)
    report = json.loads(path.read_text())
    assert report["exit_code"] == done.returncode
    said = [line for line in done.stderr.decode().splitlines() if "compiling" not in line]
    return report, said


@pytest.mark.parametrize("clock", ["virtual", "host"])
def test_stop_says_what_differs_and_where(clock: str, tmp_path: Path) -> None:
    """A register that the guest doesn't use: the first check after the flip finds it."""
    report, said = run_spin(tmp_path, "--clock", clock, "--inject", "x7@20M:13")
    assert (report["outcome"], report["exit_code"]) == ("divergence", 120)
    assert report["checks"]["mismatched"] == 1
    divergence = report["divergence"]
    assert divergence["icount"] >= 20_000_000
    assert divergence["pc"] == 0x8000_0000
    assert divergence["what"] == "registers of hart 0"
    assert divergence["expected"] != divergence["actual"]
    assert divergence["disassembly"][0] == "=> 0x80000000: 0000006f j 0"
    (line,) = said
    assert f"at icount {divergence['icount']}, pc 0x80000000: registers of hart 0" in line


@pytest.mark.parametrize("where", [0x8000_0008, RAM_END - 1])
def test_a_bit_of_ram_that_nobody_uses_is_found_within_one_round(where: int, tmp_path: Path) -> None:
    """The promise of one second: a round of RAM takes 0.8 s, and there is a check every 50 ms."""
    report, _ = run_spin(tmp_path, "--inject", f"{where:#x}@5M:3")
    assert report["divergence"]["what"] == f"RAM page {where & -4096:#x}"
    assert report["checks"]["compared"] <= 0.8 / 0.05 + 2


@pytest.mark.parametrize(
    ("where", "what"), [("x7", "registers of hart 0"), ("0x80700123", "RAM page 0x80700000")]
)
def test_a_guest_that_waits_for_ever_is_compared_as_well(where: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    guest = waiting_guest(tmp_path / "waits")
    report, _ = run(path, guest, "--inject", f"{where}@1:3", "--timeout", 20)
    assert report["divergence"]["what"] == what
    assert report["divergence"]["icount"] == 1


def test_checks_can_be_left_out(tmp_path: Path) -> None:
    arguments = ("--inject", "x7@5M:1", "--inject", "0x80700000@6M:1", "--max-icount", "400M")
    report, _ = run_spin(tmp_path, "--clock", "virtual", "--check-every", "off", *arguments)
    assert (report["outcome"], report["divergence"]) == ("max-icount", None)
    assert report["log"]["kinds"] == {}
    report, _ = run_spin(tmp_path, "--check-ram-every", "0", "--check-every", "5ms", *arguments)
    assert report["divergence"]["what"] == "registers of hart 0"


@pytest.mark.parametrize("channel", ["shm", "tcp"])
def test_reclone_goes_on_as_if_nothing_had_been(channel: str, tmp_path: Path) -> None:
    solo, _ = run(tmp_path / "s.json", *COMPUTE, "--solo")
    inject = ("--inject", "x2@50M:40", "--inject", "mscratch@50M:7")
    arguments = (*COMPUTE, *OFTEN, "--channel", channel, "--on-divergence", "reclone", *inject)
    report, done = run(tmp_path / "r.json", *arguments)
    assert law(report) == law(solo), done.stderr.decode()
    assert report["checks"]["mismatched"] == len(report["clones"]) == 1
    assert report["divergence"]["icount"] >= 50_000_000
    assert "that secondary is discarded, another one is made" in said_in_one_line(done)


def test_a_soft_error_that_is_overwritten_goes_unseen(tmp_path: Path) -> None:
    """mepc while no trap is being handled: the next trap writes it."""
    guest = ("timer", "--append", "seconds=1", "--clock", "virtual", "--check-every", "off")
    solo, _ = run(tmp_path / "s.json", *guest[:5], "--solo")
    report, _ = run(tmp_path / "r.json", *guest, "--inject", "mepc@1000000:5")
    assert law(report) == law(solo)
    assert report["checks"] == {"compared": 1, "mismatched": 0}


def test_without_checks_the_end_tells(tmp_path: Path) -> None:
    report, _ = run(
        tmp_path / "r.json", *COMPUTE, "--check-every", "off", "--inject", f"{RAM_END - 4096:#x}@1M:0"
    )
    assert report["exit_code"] == 120
    assert report["checks"] == {"compared": 1, "mismatched": 1}
    assert report["divergence"]["what"] == f"RAM page {RAM_END - 4096:#x}"


@pytest.mark.parametrize(
    ("guest", "where"),
    [("compute", "pc@30M:3"), ("compute", "x2@30M:31"), ("timer", "mtvec@500K:20"), ("timer", "mie@500K:7")],
)
def test_a_secondary_that_goes_astray_is_noticed_by_where_it_is(
    guest: str, where: str, tmp_path: Path
) -> None:
    """No digest is needed for one that isn't where an entry of the clock finds it, or that waits."""
    arguments = (guest, "--append", "rounds=2 seconds=1", "--check-every", "off", "--inject", where)
    report, done = run(tmp_path / "r.json", *arguments)
    assert report["exit_code"] == 120, done.stderr.decode()
    print(report["divergence"])
    assert "registers" not in report["divergence"]["what"]


@pytest.mark.parametrize("channel", ["shm", "tcp"])
@pytest.mark.parametrize(
    "guest", [("smp", "--harts", 4, "--append", "scale=400"), ("sloppy", "--append", "rounds=1")]
)
def test_checks_all_the_time_and_hosts_that_die(
    guest: tuple[object, ...], channel: str, tmp_path: Path
) -> None:
    """Checks change nothing, and find nothing that isn't there, through failovers and clones."""
    guest = (*guest, "--clock", "virtual")
    solo, _ = run(tmp_path / "s.json", *guest, "--solo")
    report, done = run(tmp_path / "r.json", *guest, *OFTEN, "--channel", channel, "--crash-every", "0.05")
    assert law(report) == law(solo), done.stderr.decode()
    print(report["checks"], len(report["failovers"]))
    assert report["checks"]["mismatched"] == 0
    assert report["checks"]["compared"] > 10
    assert report["failovers"]


@pytest.mark.parametrize("channel", ["shm", "tcp"])
def test_checks_all_the_time_under_the_hosts_clock(channel: str, tmp_path: Path) -> None:
    """A guest that mostly waits, with input that comes when it comes."""
    path = tmp_path / "r.json"
    typed = b"".join(b"%d %s\n" % (number, b"x" * (number % 90)) for number in range(300)) + b"quit\n"
    with Pair("echo", *OFTEN, "--channel", channel, "--report", path, stdin=-1) as pair:
        assert pair.process.stdin is not None
        pair.read_until(b"quit ends\n")
        for at in range(0, len(typed), 100):
            pair.process.stdin.write(typed[at : at + 100])
            pair.process.stdin.flush()
        code, output, said = pair.end()
    report = json.loads(path.read_text())
    assert code == 0, said.decode()
    assert b"\n".join(line[::-1] for line in typed.split(b"\n")[:300]) in output.replace(b"\r", b"")
    assert report["checks"]["mismatched"] == 0
    assert set(report["log"]["kinds"]) == {"input", "clock", "check", "end"}


def test_what_did_not_come_about_is_said(tmp_path: Path) -> None:
    done = lockstep("run", "hello", "--inject", "x7@1T:13", "--inject", "0x80000000@2T:1")
    assert done.returncode == 0
    assert "no secondary came to where x7@1000000000000:13, 0x80000000@2000000000000:1" in said_in_one_line(
        done
    )


def test_a_clone_behind_its_icount_is_spared(tmp_path: Path) -> None:
    """Nobody passes there as a secondary: one has died before, and the next is copied at a later quiet point."""
    arguments = ("--crash", "secondary@400M", "--inject", "x7@400010000:13", "--max-icount", "600M")
    report, said = run_spin(tmp_path, "--clock", "virtual", *arguments)
    assert (report["outcome"], report["checks"]["mismatched"]) == ("max-icount", 0)
    assert said == ["lockstep: no secondary came to where x7@400010000:13 was to be injected"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--solo", "--inject", "x7@1M:1"), "leave --solo out"),
        (("--solo", "--check-every", "1s"), "leave --solo or the checks out"),
        (("--inject", "x99@1M:1"), "no register x99"),
        (("--inject", "x7@1M:64"), "bit 64"),
        (("--inject", "x7@soon:1"), "not a count of instructions"),
        (("--inject", "x7"), "REG@ICOUNT:BIT"),
        (("--inject", "0x70000000@1M:1"), "outside RAM"),
        (("--inject", "0x88000000@1M:1"), "outside RAM"),
        (("--inject", "hart1.x7@1M:1"), "no hart 1"),
        (("--on-divergence", "shrug"), "stop or reclone"),
        (("--check-every", "often"), "not a duration"),
        (("--check-ram-every", "1us"), "1ms or more"),
    ],
)
def test_nonsense_is_a_usage_error(arguments: tuple[object, ...], message: str) -> None:
    done = lockstep("run", "hello", *arguments)
    assert done.returncode == 2
    assert message in said_in_one_line(done)
