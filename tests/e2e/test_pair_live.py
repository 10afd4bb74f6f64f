"""Pairs in the world: live input, real time, stopped hosts, a monitor that dies, readers that are slow."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
from pathlib import Path

import psutil
import pytest
from command import environment
from pair_runs import Pair, drawn, law, run, wait_for
from small_guests import printing_guest, waiting_guest

BANNER = b"echo: type lines, quit ends\n"
PIPES = {"stdin": subprocess.PIPE}
HEARTBEAT_LIMIT_S = 0.25


def type_line(pair: Pair, line: bytes) -> bytes:
    """Type `line` and wait for it to come back reversed; all that came."""
    assert pair.process.stdin is not None
    os.write(pair.process.stdin.fileno(), line + b"\n")
    return pair.read_until(line[::-1] + b"\n")


@pytest.mark.parametrize("channel", ["shm", "tcp"])
def test_lines_come_back_once_and_in_order_while_hosts_die(channel: str, tmp_path: Path) -> None:
    choice = drawn()
    lines = [b"line %d" % number for number in range(300)]
    path = tmp_path / "r.json"
    arguments = ("echo", "--clock", "host", "--channel", channel, "--report", path)
    with Pair(*arguments, "--crash-every", "0.2", **PIPES) as pair:
        assert pair.process.stdin is not None
        came = pair.read_until(BANNER)
        stdin = pair.process.stdin.fileno()

        def type_all() -> None:
            for line in lines:
                os.write(stdin, line + b"\n")
                time.sleep(choice.uniform(0, 0.02))

        typist = threading.Thread(target=type_all)
        typist.start()
        came += pair.read_until(lines[-1][::-1] + b"\n")
        typist.join()
        os.write(stdin, b"quit\n")
        code, rest, said = pair.end()
    assert came + rest == BANNER + b"".join(line[::-1] + b"\n" for line in lines), said.decode()
    assert code == 0
    failovers = json.loads(path.read_text())["failovers"]
    print(f"{len(failovers)} failovers")
    assert failovers


@pytest.mark.parametrize("channel", ["shm", "tcp"])
def test_much_input_at_once_is_held_back_and_not_lost(channel: str, tmp_path: Path) -> None:
    lines = [b"%07d" % number for number in range(12_000)]
    (tmp_path / "in").write_bytes(b"\n".join([*lines, b"quit"]) + b"\n")
    path = tmp_path / "r.json"
    arguments = ("echo", "--clock", "host", "--channel", channel, "--input", tmp_path / "in")
    # What arrives before the banner may be lost by the guest: typed as a file, it isn't early.
    report, done = run(path, *arguments, "--crash", "primary@100ms", "--crash", "primary@300ms")
    expected = [line[::-1] for line in lines]
    came = done.stdout.removeprefix(BANNER).split(b"\n")[:-1]
    start = expected.index(came[1])
    assert came[1:] == expected[start:], done.stderr.decode()
    assert start < 50
    assert report["outcome"] == "poweroff"


def test_output_is_complete_and_in_order_while_hosts_die(tmp_path: Path) -> None:
    guest = ("timer", "--append", "seconds=4", "--clock", "host")
    report, done = run(tmp_path / "r.json", *guest, "--crash-every", "0.3")
    moments = [line for line in done.stdout.splitlines() if b" s " in line or b"s:" in line]
    print(done.stdout.decode())
    assert len(set(moments)) == len(moments)
    assert report["outcome"] == "poweroff"
    assert report["failovers"]


def test_stopped_primary_is_replaced_and_writes_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    with Pair("echo", "--clock", "host", "--report", path, **PIPES) as pair:
        pair.read_until(BANNER)
        assert type_line(pair, b"one") == b"eno\n"
        primary, _ = pair.both()
        primary.suspend()
        stopped_s = time.monotonic()
        assert type_line(pair, b"two") == b"owt\n"
        took_s = time.monotonic() - stopped_s
        with contextlib.suppress(psutil.Error):
            primary.resume()
        assert type_line(pair, b"three") == b"eerht\n"
        assert pair.process.stdin is not None
        os.write(pair.process.stdin.fileno(), b"quit\n")
        code, rest, said = pair.end()
    assert (code, rest) == (0, b""), said.decode()
    (failover,) = json.loads(path.read_text())["failovers"]
    print(f"back after {took_s:.3f} s, {failover}")
    assert failover["detect_ms"] >= 0.8 * HEARTBEAT_LIMIT_S * 1e3
    assert took_s < HEARTBEAT_LIMIT_S + 2


def test_secondary_that_was_left_behind_never_wins(tmp_path: Path) -> None:
    """It is stopped; the primary goes on alone, with output that the stopped one doesn't know of; then dies."""
    with Pair("echo", "--clock", "host", "--crash-unprotected", **PIPES) as pair:
        pair.read_until(BANNER)
        primary, secondary = pair.both()
        secondary.suspend()
        wait_for(lambda: secondary not in pair.hosts())
        assert type_line(pair, b"one") == b"eno\n"
        with contextlib.suppress(psutil.Error):
            secondary.resume()
        primary.kill()
        assert pair.process.stdin is not None
        with contextlib.suppress(OSError):
            os.write(pair.process.stdin.fileno(), b"two\nquit\n")
        code, rest, said = pair.end()
    # Whoever took over, if anybody, knows of line one: it doesn't come again.
    assert (code, rest) in ((121, b""), (0, b"owt\n")), said.decode()


@pytest.mark.parametrize("channel", ["shm", "tcp"])
def test_killed_monitor_takes_all_with_it(channel: str, tmp_path: Path) -> None:
    choice = drawn()
    shared_before = set(os.listdir("/dev/shm"))
    alone = {"env": environment(TMPDIR=str(tmp_path))}
    with Pair("compute", "--channel", channel, "--crash-every", "0.1", **alone) as pair:
        hosts, server = pair.both(), pair.server()
        assert server is not None
        time.sleep(choice.uniform(0, 0.5))
        family = psutil.Process(pair.process.pid).children(recursive=True)
        pair.process.kill()
        _, alive = psutil.wait_procs([*family, *hosts, server], timeout=5)
        assert alive == []
    assert list(tmp_path.iterdir()) == [], "the fork server outlives the monitor just long enough to clean up"
    assert not [name for name in set(os.listdir("/dev/shm")) - shared_before if "lockstep" in name]


@pytest.mark.parametrize("crashes", [(), ("--crash-every", "0.1")])
def test_reader_that_is_slow_gets_it_all(crashes: tuple[str, ...], tmp_path: Path) -> None:
    """A guest that prints all the time fills the pipe, its rings and its hosts' memory, and stands still then."""
    guest = (printing_guest(tmp_path / "guest"), "--clock", "virtual", *crashes)
    path = tmp_path / "r.json"
    with Pair(*guest, "--max-icount", "3M", "--report", path) as pair:
        assert pair.process.stdout is not None
        ready, _, _ = select.select([pair.process.stdout], [], [], 60)
        assert ready
        time.sleep(1)
        code, output, said = pair.end()
    assert code == 124, said.decode()
    solo, done = run(tmp_path / "s.json", *guest[:3], "--solo", "--max-icount", "3M")
    assert len(output) == len(done.stdout)
    assert law(json.loads(path.read_text())) == law(solo)


def test_console_that_nobody_reads_does_not_keep_a_run_from_ending(tmp_path: Path) -> None:
    with Pair(printing_guest(tmp_path / "guest"), "--timeout", 1) as pair:
        assert pair.process.wait(30) == 124
        assert b"nobody reads it" in pair.end()[2]


def test_reader_that_leaves_ends_the_run_quietly(tmp_path: Path) -> None:
    with Pair(printing_guest(tmp_path / "guest"), "--timeout", 60) as pair:
        assert pair.process.stdout is not None
        assert pair.process.stdout.read(10) == b"x" * 10
        pair.process.stdout.close()
        assert pair.process.wait(30) == 125
        assert pair.process.stderr is not None
        said = [line for line in pair.process.stderr.read().splitlines() if b"compiling" not in line]
        pair.process.stdout = None
    assert said == []


def test_closed_stdin_is_no_input(tmp_path: Path) -> None:
    with Pair("hello", "--clock", "host", stdin=None, preexec_fn=lambda: os.close(0)) as pair:
        assert pair.end()[:2] == (0, b"Hello from lockstep\n")


@pytest.mark.parametrize("clock", ["host", "virtual"])
def test_interrupt_ends_with_a_report(clock: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    with Pair("storm", "--clock", clock, "--report", path) as pair:
        pair.read_until(b"storm\n")
        pair.process.send_signal(signal.SIGINT)
        code, _, _ = pair.end()
    report = json.loads(path.read_text())
    assert (code, report["outcome"]) == (130, "interrupted")
    assert report["icount"] > 0


def test_timeout_while_waiting(tmp_path: Path) -> None:
    report, _ = run(tmp_path / "r.json", waiting_guest(tmp_path / "guest"), "--clock", "host", "--timeout", 1)
    assert (report["exit_code"], report["outcome"]) == (124, "timeout")


@pytest.mark.slow
@pytest.mark.parametrize("channel", ["shm", "tcp"])
def test_many_failovers_leave_no_descriptors_and_no_processes(channel: str) -> None:
    arguments = ("echo", "--clock", "host", "--channel", channel, "--crash-every", "0.05")
    with Pair(*arguments, **PIPES) as pair:
        pair.read_until(BANNER)
        monitor, seen = psutil.Process(pair.process.pid), set()
        counts: list[tuple[int, int]] = []
        while len(seen) < 27:
            type_line(pair, b"x")
            seen |= {host.pid for host in pair.hosts()}
            if len(seen) in (7, 27):
                counts.append((len(os.listdir(f"/proc/{monitor.pid}/fd")), monitor.num_threads()))
        # Between two failures there are fewer, while a host is being made there are a few more.
        descriptors, threads = zip(*counts, strict=True)
        assert descriptors[-1] <= max(descriptors[:-1]) + 4, counts
        assert threads[-1] <= max(threads[:-1]), counts
        held = []
        for host in pair.hosts():
            with contextlib.suppress(psutil.Error, OSError):
                held.append(len(os.listdir(f"/proc/{host.pid}/fd")))
        print(f"monitor's descriptors {descriptors[0]} to {descriptors[-1]}, hosts' {held}")
        assert max(held, default=0) < 24
        wait_for(lambda: len(monitor.children(recursive=True)) <= 4)
