"""Pairs under a script's control, with real processes that really die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from command import environment, lockstep
from pair_runs import wait_for

from lockstep import Machine, Pair, Trace
from lockstep.errors import GuestError, InternalError, LockstepError, UsageError, WaitError

LONG = "seconds=1000"


def processes() -> list[psutil.Process]:
    return [one for one in psutil.Process().children(recursive=True) if one.status() != psutil.STATUS_ZOMBIE]


def test_a_guest_that_is_talked_to_while_its_hosts_die() -> None:
    with Pair("echo") as pair:
        pair.expect(b"quit ends\n")
        for turn, who in enumerate(("primary", "secondary", "primary")):
            pair.wait_protected()
            before = pair.status()
            pair.crash(who)
            pair.type(f"turn {turn}\n")
            pair.expect(f"{turn} nrut")
            pair.wait_protected()
            after = pair.status()
            (killed,) = (host.pid for host in before.hosts if host.role == who)
            assert killed not in [host.pid for host in after.hosts]
            assert not psutil.pid_exists(killed or 0)
        pair.type("quit\n")
        result = pair.wait(60)
    assert (result.outcome, result.exit_code) == ("poweroff", 0)
    assert [one["generation"] for one in result.failovers] == [2, 3]
    assert len(result.clones) == 3
    assert result.console["bytes"] == len(pair.console)
    assert pair.console.count(b"nrut") == 3
    assert not pair.is_protected
    assert processes() == []


def test_a_protected_run_is_the_same_machine() -> None:
    machine = Machine("compute", append="scale=1 rounds=1")
    assert machine.run() == "poweroff"
    with Pair(
        "compute", append="scale=1 rounds=1", clock="virtual", crash="primary@20M", channel="tcp"
    ) as pair:
        result = pair.wait(60)
        assert pair.read() == machine.console
        assert pair.read() == b""
    assert len(result.failovers) == 1
    assert (result.icount, result.digest, pair.console) == (machine.icount, machine.digest(), machine.console)


def test_several_at_once() -> None:
    with Pair("echo") as one, Pair("echo") as other:
        for pair in (one, other):
            pair.wait_protected()
        one.crash()
        for pair, text in ((one, "one"), (other, "other")):
            pair.type(text + "\n")
            pair.expect(text[::-1])
        assert other.stop().outcome == "interrupted"
        assert other.is_over
        one.wait_protected()
        one.type("quit\n")
        assert one.wait(60).outcome == "poweroff"
    assert not other.console.count(b"eno")


def test_nothing_is_left_behind_by_a_script_that_fails() -> None:
    pairs = []

    def fail() -> None:
        with Pair("timer", append=LONG) as pair:
            pairs.append(pair)
            pair.wait_protected()
            assert len(processes()) == 4
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert processes() == []
    pairs[0].close()


def test_nothing_is_left_behind_by_a_script_that_is_killed() -> None:
    script = (
        f"from lockstep import Pair\npair = Pair('timer', append={LONG!r})\npair.wait_protected()\n"
        "print(pair.status().hosts[0].pid, flush=True)\ninput()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout is not None
        primary = int(process.stdout.readline())
        family = psutil.Process(process.pid).children(recursive=True)
        assert primary in [one.pid for one in family]
        process.kill()
    wait_for(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family))


def test_a_monitor_that_is_killed() -> None:
    with Pair("timer", append=LONG) as pair:
        pair.wait_protected()
        family = processes()
        os.kill(pair._process.pid, signal.SIGKILL)
        with pytest.raises(InternalError, match="monitor died"):
            pair.wait(60)
        with pytest.raises(WaitError, match="over"):
            pair.status()
    wait_for(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family))


def test_commands_find_it_as_well() -> None:
    with Pair("timer", append=LONG) as pair:
        pair.wait_protected()
        name = pair.status().name
        assert name in lockstep("ps").stdout.decode()
        assert lockstep("stop", name).returncode == 0
        assert pair.wait(60).outcome == "interrupted"


def test_an_injected_error_is_found() -> None:
    with Pair("compute", append="scale=1 rounds=1", inject="x2@2M:4") as pair:
        result = pair.wait(60)
    assert (result.outcome, result.exit_code) == ("divergence", 120)
    assert result.divergence is not None
    assert result.message


def test_what_is_waited_for_and_doesnt_come() -> None:
    with Pair("echo") as pair:
        with pytest.raises(WaitError, match=r"0.01 s have passed.*"):
            pair.expect("never", timeout_s=0.01)
        with pytest.raises(WaitError, match="still runs"):
            pair.wait(0.01)
        pair.wait_protected()
        pair.crash("secondary")
        with pytest.raises(UsageError, match="no host 'third'"):
            pair.crash("third")
        pair.type("quit\n")
        with pytest.raises(WaitError, match="the run is over"):
            pair.expect("never")
        pair.wait(60)
        with pytest.raises(WaitError, match="over"):
            pair.crash()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"guest": "nothing-of-that-name"}, GuestError),
        ({"guest": bytes(4 << 20), "memory": "1M"}, GuestError),
        ({"guest": "hello", "channel": "string"}, UsageError),
        ({"guest": "hello", "crash": "primary"}, UsageError),
        ({"guest": "hello", "inject": ["x99@1:1"]}, UsageError),
        ({"guest": "hello", "trace": "/nowhere/trace"}, UsageError),
    ],
)
def test_pairs_that_cant_be(arguments: dict[str, object], error: type[LockstepError]) -> None:
    with pytest.raises(error) as raised:
        Pair(**arguments)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)
    assert processes() == []


def test_nothing_is_typed_under_the_virtual_clock() -> None:
    with Pair("echo", clock="virtual", input=b"abc\nquit\n") as pair:
        with pytest.raises(UsageError, match="give input"):
            pair.type("x")
        assert pair.wait(60).outcome == "poweroff"
    assert b"cba" in pair.console


def test_a_trace_across_a_failover(tmp_path: Path) -> None:
    """Whoever ran the guest, the trace has all of it, and a machine walks along it as if there had been one host."""
    path = tmp_path / "t.lst"
    with Pair("compute", append="scale=1 rounds=1", crash="primary@20M", trace=path) as pair:
        result = pair.wait(60)
    assert len(result.failovers) == 1
    with Trace(path) as trace:
        assert trace.info.digest == result.digest
        machine = trace.at(result.failovers[0]["icount"] + 1)
        place = machine.copy()
        machine.step_back(1000)
        machine.step(1000)
        assert not machine.diff(place), str(machine.diff(place))
        assert machine.run() == "poweroff"
        assert (machine.icount, machine.digest()) == (result.icount, result.digest)
        assert trace.replay().console == pair.console
