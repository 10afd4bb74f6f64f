"""Commands that act on running pairs, from processes of their own, while the pairs run."""

from __future__ import annotations

import base64
import json
import os
import shlex
import signal
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest
from command import COMMAND, environment, lockstep, said_in_one_line, start_lockstep
from pair_runs import Pair, law, run, wait_for

COMPUTE = ("compute", "--append", "rounds=1000")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "runtime").mkdir()
    return environment(XDG_RUNTIME_DIR=str(tmp_path / "runtime"))


def command(env: dict[str, str], *arguments: object) -> list[str]:
    """What the command prints."""
    done = lockstep(*arguments, env=env)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
    return done.stdout.decode().splitlines()


def statuses(env: dict[str, str]) -> list[dict[str, Any]]:
    done = lockstep("ps", "--json", env=env)
    assert done.returncode == 0, done.stderr.decode()
    return list(json.loads(done.stdout))


def journal(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def protected(env: dict[str, str], count: int) -> list[dict[str, Any]]:
    """`count` pairs, all of them Protected and running."""

    def look() -> list[dict[str, Any]]:
        found = statuses(env)
        is_so = [one["protection"] == "Protected" and one["uptime_s"] > 0 for one in found]
        return found if len(found) == count and all(is_so) else []

    return wait_for(look, 150)


def test_two_pairs_one_command_each(env: dict[str, str], tmp_path: Path) -> None:
    """Both are acted on while they run; each keeps its own roles, and its end."""
    notes, report = tmp_path / "journal", tmp_path / "r.json"
    first = Pair(*COMPUTE, "--journal", notes, "--report", report, env=env)
    with first, Pair("echo", "--clock", "host", env=env, stdin=subprocess.PIPE) as second:
        found = {one["name"]: one for one in protected(env, 2)}
        assert {name: one["monitor_pid"] for name, one in found.items()} == {
            "compute": first.process.pid,
            "echo": second.process.pid,
        }
        before = {host["role"]: host["pid"] for host in found["compute"]["hosts"]}
        assert {process.pid for process in first.both()} == set(before.values())
        assert "say which: compute, echo" in said_in_one_line(lockstep("crash", "primary", env=env))

        killed, then = command(env, "crash", "comp", "primary")
        assert killed == f"compute: host 1 (pid {before['primary']}), the primary, is killed"
        assert then.startswith("compute: host 2 took over in generation 2, ")
        assert command(env, "protect", "compute")[0].startswith("compute: Protected")
        assert command(env, "protect", "compute") == ["compute: Protected already, generation 2"]
        command(env, "crash", str(second.process.pid), "secondary")
        command(env, "protect", "echo")

        rows = command(env, "ps")
        assert rows[0].split()[:4] == ["PAIR", "GUEST", "STATUS", "GEN"]
        assert [row.split()[:4] for row in rows[1:]] == [
            ["compute", "compute", "Protected", "2"],
            ["echo", "echo", "Protected", "1"],
        ]
        assert command(env, "stop", "compute") == ["compute: has ended"]
        assert first.end()[0] == 130
        assert [one["name"] for one in statuses(env)] == ["echo"]
    result = json.loads(report.read_text())
    assert (result["outcome"], len(result["failovers"])) == ("interrupted", 1)
    lines = journal(notes)
    print("\n".join(f"{line['at_s']:9.3f} {line['kind']:<14} {line['text']}" for line in lines))
    assert [line["kind"] for line in lines] == [
        *(
            "start",
            "host-started",
            "host-started",
            "protected",
            "running",
            "crash",
            "host-lost",
            "not-protected",
        ),
        *("failover", "host-started", "clone", "protected", "stop", "end"),
    ]
    by_kind = {line["kind"]: line["data"] for line in lines}
    assert by_kind["start"]["append"] == "rounds=1000"
    assert by_kind["crash"]["by"].startswith("lockstep crash (pid ")
    assert by_kind["failover"]["blackout_ms"] == result["failovers"][0]["blackout_ms"]
    assert by_kind["stop"]["by"].startswith("lockstep stop (pid ")
    assert (by_kind["end"]["outcome"], by_kind["end"]["digest"]) == ("interrupted", result["digest"])


def test_pairs_of_one_guest_have_names_of_their_own_and_dead_ones_are_cleaned_up(
    env: dict[str, str], tmp_path: Path
) -> None:
    sockets = tmp_path / "runtime" / "lockstep"
    with Pair(*COMPUTE, env=env) as first, Pair(*COMPUTE, env=env) as second:
        found = {one["monitor_pid"]: one["name"] for one in protected(env, 2)}
        assert sorted(found.values()) == ["compute", "compute-2"]
        first.process.kill()
        first.process.wait()
        assert len(os.listdir(sockets)) == 2, "nobody could remove it"
        assert [one["monitor_pid"] for one in statuses(env)] == [second.process.pid]
        assert os.listdir(sockets) == [f"{found[second.process.pid]}.sock"]
        second.process.send_signal(signal.SIGINT)
        assert second.end()[0] == 130
    assert os.listdir(sockets) == []
    for arguments in (("stop",), ("crash", "primary"), ("protect", "x"), ("watch",)):
        done = lockstep(*arguments, env=env)
        assert done.returncode == 2
        assert "no pair is running" in said_in_one_line(done)


def test_to_watch_shows_the_secondary_across_a_failover_and_changes_nothing(
    env: dict[str, str], tmp_path: Path
) -> None:
    guest = ("compute", "--append", "rounds=8", "--clock", "virtual")
    report, notes = tmp_path / "r.json", tmp_path / "watched"
    with Pair(*guest, "--report", report, env=env) as pair, notes.open("wb") as seen:
        protected(env, 1)
        watcher = start_lockstep("watch", "--json", env=env, stdout=seen)
        left = subprocess.run(
            f"{shlex.join(COMMAND)} watch --json --events | head -n 1",
            shell=True,
            env=env,
            capture_output=True,
            timeout=60,
        )
        assert (json.loads(left.stdout)["type"], left.stderr) == ("event", b"")
        wait_for(lambda: notes.stat().st_size)
        killed = start_lockstep("watch", env=env)
        assert killed.stdout is not None
        assert killed.stdout.readline()
        command(env, "crash", "primary")
        killed.kill()
        killed.communicate()
        code, console, _ = pair.end()
        assert (watcher.wait(30), code) == (0, 0)
    solo, _ = run(tmp_path / "solo.json", *guest, "--solo")
    assert law(json.loads(report.read_text())) == law(solo)
    lines = [json.loads(line) for line in notes.read_text().splitlines()]
    assert {"event", "console", "happening"} <= {line["type"] for line in lines}
    hosts = list(dict.fromkeys(line["host"] for line in lines if line["type"] == "event"))
    assert hosts[0] == 2
    assert hosts[1:], "the new secondary is seen as well"
    for line in lines:
        if line["type"] == "console":
            data = base64.b64decode(line["data_base64"])
            assert console[line["offset"] :].startswith(data), "what the secondary computed"
    icounts = [line["icount"] for line in lines if line["type"] == "event"]
    assert icounts == sorted(icounts)


def test_metrics_while_it_runs(env: dict[str, str]) -> None:
    with Pair(*COMPUTE, "--metrics", 0, env=env) as pair:
        protected(env, 1)
        command(env, "crash", "secondary")
        assert pair.process.stderr is not None
        said = next(line for line in pair.process.stderr if b"metrics on" in line).decode()
        address = said.split()[-1]
        text = urllib.request.urlopen(address, timeout=30).read().decode()
        assert 'lockstep_failovers_total{guest="compute",pair="compute"} 0.0' in text
        port = address.split(":")[-1].split("/")[0]
        done = lockstep("run", "hello", "--metrics", port, env=env)
        assert (done.returncode, done.stdout) == (2, b"")
        assert "give another port" in said_in_one_line(done)


def test_a_stopped_monitor_is_said_not_waited_for_for_ever(env: dict[str, str]) -> None:
    with Pair(*COMPUTE, env=env) as pair:
        protected(env, 1)
        monitor = psutil.Process(pair.process.pid)
        monitor.suspend()
        done = lockstep("ps", "--json", env=env)
        assert (done.returncode, done.stdout) == (0, b"[]\n")
        assert "the pair compute doesn't answer" in said_in_one_line(done)
        monitor.resume()
        assert len(statuses(env)) == 1


def test_a_run_without_a_control_socket_says_so_and_goes_on(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "runtime" / "lockstep").mkdir(mode=0o755)
    (tmp_path / "runtime" / "lockstep").chmod(0o755)
    done = lockstep("run", "hello", env=env)
    assert (done.returncode, done.stdout) == (0, b"Hello from lockstep\n")
    assert "ps and watch will not find this run" in said_in_one_line(done)
    asked = lockstep("ps", env=env)
    assert asked.returncode == 125
    assert "must be yours alone" in said_in_one_line(asked)


def test_runs_of_all_kinds_append_to_one_journal(tmp_path: Path) -> None:
    notes = tmp_path / "journal"
    hello = ("hello", "--clock", "virtual", "--journal", notes)
    solo, _ = run(tmp_path / "solo.json", *hello, "--solo")
    pair, _ = run(tmp_path / "pair.json", *hello)
    assert law(solo) == law(pair)
    lines = journal(notes)
    assert [line["kind"] for line in lines if line["data"].get("solo")] == ["start"]
    runs = list(dict.fromkeys(line["run"] for line in lines))
    assert len(runs) == 2
    for run_name, report in zip(runs, (solo, pair), strict=True):
        first, *_, last = (line for line in lines if line["run"] == run_name)
        assert (first["kind"], last["kind"]) == ("start", "end")
        assert last["data"]["digest"] == report["digest"]


def test_a_full_disk_costs_the_journal_not_the_run() -> None:
    done = lockstep("run", "hello", "--journal", "/dev/full")
    assert (done.returncode, done.stdout) == (0, b"Hello from lockstep\n")
    assert "the guest runs on without it" in said_in_one_line(done)
    missing = lockstep("run", "hello", "--journal", "/no/such/directory/journal")
    assert missing.returncode == 2
    assert "--journal" in said_in_one_line(missing)


@pytest.mark.parametrize("arguments", [(), ("x", "y", "primary"), ("compute",), ("compute", "both")])
def test_crash_needs_to_know_who(arguments: tuple[str, ...]) -> None:
    done = lockstep("crash", *arguments)
    assert done.returncode == 2
    assert said_in_one_line(done)
