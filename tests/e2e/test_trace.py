"""Runs that are traced, and what `replay` and `log` make of the traces, as a user has them."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command import COMMAND, REPOSITORY, environment, fetch_linux, lockstep, said_in_one_line, start_lockstep
from pair_runs import drawn, law, run

HOST, VIRTUAL = ("--clock", "host"), ("--clock", "virtual")
CRASHES = ("--crash", "primary@3M", "--crash", "secondary@6M", "--crash", "primary@9M")


def replay(
    tmp_path: Path, trace: Path, *options: object
) -> tuple[dict[str, Any], subprocess.CompletedProcess[bytes]]:
    path = tmp_path / "replay.json"
    done = lockstep("replay", trace, "--report", path, *options)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    report = json.loads(path.read_text())
    assert report["exit_code"] == done.returncode, (report, done.stderr.decode())
    return report, done


@pytest.mark.parametrize(
    "arguments",
    [
        ("timer", "--append", "seconds=1", *HOST, *CRASHES),
        ("timer", "--append", "seconds=1", *HOST, *CRASHES, "--channel", "tcp"),
        (
            "compute",
            "--append",
            "rounds=1",
            *VIRTUAL,
            "--crash",
            "primary@20M",
            "--trace-checkpoint-every",
            "20ms",
        ),
        ("smp", "--harts", 4, *HOST, "--crash", "primary@2M"),
        ("hello", *VIRTUAL),
        ("timer", "--append", "seconds=1", *HOST, "--solo"),
        ("timer", "--append", "seconds=900", *HOST, "--max-icount", "20M"),
    ],
    ids=["host", "tcp", "checkpoints", "harts", "short", "solo", "max-icount"],
)
def test_a_replay_is_the_same_run(arguments: tuple[object, ...], tmp_path: Path) -> None:
    trace = tmp_path / "t.lst"
    recorded, done = run(tmp_path / "run.json", *arguments, "--trace", trace)
    replayed, again = replay(tmp_path, trace)
    assert law(replayed) == law(recorded)
    assert again.stdout == done.stdout
    assert again.stderr == b""
    assert replayed["guest"] == recorded["guest"]
    if recorded["log"] is not None:
        assert replayed["log"] == recorded["log"]
    assert replayed["checks"]["mismatched"] == 0


def test_live_input_is_replayed(tmp_path: Path) -> None:
    trace = tmp_path / "t.lst"
    lines = b"".join(b"line %d\n" % number for number in range(200)) + b"quit\n"
    recorded, done = run(tmp_path / "run.json", "echo", *HOST, "--trace", trace, stdin=lines)
    replayed, again = replay(tmp_path, trace)
    assert law(replayed) == law(recorded)
    assert b"991 enil" in again.stdout == done.stdout
    inputs = lockstep("log", trace, "--kind", "input", "--json").stdout.splitlines()
    assert inputs
    assert {json.loads(line)["kind"] for line in inputs} == {"input"}


def test_a_trace_cut_anywhere_is_replayed_as_far_as_it_goes(tmp_path: Path) -> None:
    whole, cut = tmp_path / "t.lst", tmp_path / "cut.lst"
    recorded, done = run(
        tmp_path / "run.json", "timer", "--append", "seconds=1", *HOST, *CRASHES, "--trace", whole
    )
    data, draw = whole.read_bytes(), drawn()
    reached = []
    for size in sorted([len(data) * 95 // 100, *(draw.randrange(5000, len(data)) for _ in range(3))]):
        cut.write_bytes(data[:size])
        replayed, again = replay(tmp_path, cut)
        assert done.stdout.startswith(again.stdout)
        reached.append(replayed["icount"])
        if replayed["outcome"] == "truncated":
            assert replayed["exit_code"] == 0
            assert f"breaks off at icount {replayed['icount']:,}" in said_in_one_line(again)
        else:
            assert law(replayed) == law(recorded)
    assert reached == sorted(reached)
    cut.write_bytes(data[: len(data) // 2])
    listed = lockstep("log", cut)
    assert listed.returncode == 0
    assert "breaks off behind entry" in said_in_one_line(listed)


def test_a_run_that_was_ended_is_replayed_to_where_it_was(tmp_path: Path) -> None:
    trace = tmp_path / "t.lst"
    arguments = ("timer", "--append", "seconds=900", *HOST, "--timeout", 0.5, "--trace", trace)
    recorded, done = run(tmp_path / "run.json", *arguments)
    assert recorded["exit_code"] == 124
    replayed, again = replay(tmp_path, trace)
    assert law(replayed) == law(recorded) | {"exit_code": 0}
    assert again.stdout == done.stdout
    assert "the outcome of the recorded run was timeout" in said_in_one_line(again)


def test_a_part_of_a_run(tmp_path: Path) -> None:
    trace = tmp_path / "t.lst"
    arguments = ("compute", "--append", "rounds=1", *VIRTUAL, "--trace-checkpoint-every", "20ms")
    recorded, done = run(tmp_path / "run.json", *arguments, "--trace", trace)
    middle = recorded["icount"] // 2
    first, before = replay(tmp_path, trace, "--until", middle)
    assert (first["outcome"], first["icount"], first["exit_code"]) == ("until", middle, 0)
    second, after = replay(tmp_path, trace, "--from", middle)
    assert before.stdout + after.stdout == done.stdout
    assert (second["icount"], second["digest"]) == (recorded["icount"], recorded["digest"])
    same, _ = replay(tmp_path, trace, "--from", middle, "--until", middle)
    assert (same["icount"], same["digest"]) == (middle, first["digest"])


def test_a_guest_that_the_trace_has_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace, guest = tmp_path / "t.lst", tmp_path / "guest.elf"
    guest.write_bytes((REPOSITORY / "guests/hello.elf").read_bytes())
    recorded, _ = run(tmp_path / "run.json", guest, *VIRTUAL, "--trace", trace, "--trace-guest", "hash")
    assert law(replay(tmp_path, trace)[0]) == law(recorded)
    moved = guest.rename(tmp_path / "moved.elf")
    missing = lockstep("replay", trace)
    assert missing.returncode == 126
    assert "give it as --guest FILE" in said_in_one_line(missing)
    assert law(replay(tmp_path, trace, "--guest", moved)[0]) == law(recorded)
    other = lockstep("replay", trace, "--guest", "guests/timer.elf")
    assert other.returncode == 126
    assert "isn't the guest that the run was started from" in said_in_one_line(other)


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace of a second of guest time."""
    directory = tmp_path_factory.mktemp("trace")
    run(directory / "r.json", "timer", "--append", "seconds=1", *HOST, "--trace", directory / "t.lst")
    return directory / "t.lst"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (("replay", "nowhere.lst"), 126, "can't be read: No such file"),
        (("replay", "guests/hello.elf"), 126, "isn't a trace"),
        (("log", "guests"), 126, "is a directory"),
        (("replay", "{trace}", "--from", "9G"), 2, "behind the end"),
        (("replay", "{trace}", "--from", "2M", "--until", "1M"), 2, "is later than"),
        (("replay", "{trace}", "--speed", "slow"), 2, "give max or real"),
        (("replay", "{trace}", "--initrd", "README.md"), 2, "was started without one"),
        (("log", "{trace}", "--kind", "tick"), 2, "give input, clock"),
        (("log", "{trace}", "--stats", "--kind", "input"), 2, "leave --kind"),
        (("log", "{trace}", "--from", "x"), 2, "is not a count"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    trace: Path, arguments: tuple[str, ...], exit_code: int, said: str
) -> None:
    done = lockstep(*(argument.format(trace=trace) for argument in arguments))
    assert done.returncode == exit_code
    assert said in said_in_one_line(done)
    assert done.stdout == b""


def test_a_damaged_trace_is_refused_before_it_runs(trace: Path, tmp_path: Path) -> None:
    data = bytearray(trace.read_bytes())
    data[len(data) // 2] ^= 1
    damaged = tmp_path / "damaged.lst"
    damaged.write_bytes(data)
    done = lockstep("replay", damaged)
    assert done.returncode == 126
    assert "is damaged at byte" in said_in_one_line(done)
    assert done.stdout == b""


def test_the_log_as_a_table_as_lines_and_in_numbers(trace: Path) -> None:
    table = lockstep("log", trace).stdout.decode().splitlines()
    lines = [json.loads(line) for line in lockstep("log", trace, "--json").stdout.splitlines()]
    assert len(table) == len(lines) + 1
    assert [line["ordinal"] for line in lines] == list(range(len(lines)))
    checks = lockstep("log", trace, "--json", "--kind", "check", "--kind", "end").stdout.splitlines()
    assert len(checks) == sum(line["kind"] in ("check", "end") for line in lines)
    middle = lines[len(lines) // 2]["position"]
    upper = [
        json.loads(line) for line in lockstep("log", trace, "--json", "--from", middle).stdout.splitlines()
    ]
    lower = [
        json.loads(line)
        for line in lockstep("log", trace, "--json", "--until", middle - 1).stdout.splitlines()
    ]
    assert lower + upper == lines
    statistics = json.loads(lockstep("log", trace, "--stats", "--json").stdout)
    assert statistics["entries"] == len(lines)
    assert "bytes per million instructions" in lockstep("log", trace, "--stats").stdout.decode()


@pytest.mark.parametrize("command", ["log", "replay"])
def test_output_that_fits_nowhere_is_said_in_one_line(trace: Path, command: str) -> None:
    with open("/dev/full", "wb") as full, start_lockstep(command, trace, stdout=full) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 125
    assert said.count(b"\n") == 1
    assert b"No space left on device" in said


def test_nobody_reads_the_rest_of_the_log(trace: Path) -> None:
    with start_lockstep("log", trace) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.wait(60)
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_replay_that_is_interrupted(trace: Path) -> None:
    with start_lockstep("replay", trace, "--speed", "real") as process:
        assert process.stdout is not None
        os.read(process.stdout.fileno(), 100)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130


def test_a_terminal_that_can_show_only_ascii(trace: Path) -> None:
    done = lockstep("log", trace, "--stats", env=environment(PYTHONIOENCODING="ascii"))
    assert done.returncode == 0
    assert done.stdout.isascii()


def test_the_commands_in_its_document_do_what_it_says(tmp_path: Path) -> None:
    document = (REPOSITORY / "docs/trace.md").read_text()
    (block,) = re.findall(r"^```sh\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    script = f'set -e\nlockstep() {{ {shlex.join(COMMAND)} "$@"; }}\n{block}'
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=environment(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads((tmp_path / "part.json").read_text())["icount"] == 60_000_000


@pytest.mark.linux
@pytest.mark.slow
def test_linux_loses_its_primary_and_is_replayed(tmp_path: Path) -> None:
    fetch_linux()
    trace, cut = tmp_path / "t.lst", tmp_path / "cut.lst"
    arguments = ("linux", "--append", "run=/bin/uname+-a", "--crash", "primary@2s", "--trace", trace)
    recorded, done = run(tmp_path / "run.json", *arguments)
    replayed, again = replay(tmp_path, trace)
    assert law(replayed) == law(recorded)
    assert again.stdout == done.stdout
    data = trace.read_bytes()
    cut.write_bytes(data[: len(data) * 95 // 100])
    replayed, again = replay(tmp_path, cut)
    # Most of the file are the guest's files: whether all log entries lie before the cut, too, depends on the disk.
    assert replayed["outcome"] in ("truncated", "poweroff")
    assert b"the trace breaks off at icount" in again.stderr
    if replayed["outcome"] == "poweroff":
        assert law(replayed) == law(recorded)
    assert replayed["icount"] > recorded["icount"] // 4
    assert done.stdout.startswith(again.stdout)
