"""The control socket: who may use it, what it answers, what hostile clients come to."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_pair import STATUS, FakePair
from pair_runs import wait_for

from lockstep.errors import InternalError, UsageError
from lockstep.host.options import Order
from lockstep.monitor import control_messages as c
from lockstep.monitor.control_client import PairGoneError, all_connections, all_statuses, connect_to
from lockstep.monitor.control_directory import claim, control_directory, open_directory
from lockstep.monitor.control_server import CLIENTS_MAX, controlled


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "lockstep"


def unsaid(line: str) -> None:
    raise AssertionError(line)


@pytest.fixture
def pair() -> Iterator[FakePair]:
    pair = FakePair()
    with controlled(pair, unsaid):
        yield pair


def test_where_sockets_are() -> None:
    assert control_directory({"XDG_RUNTIME_DIR": "/"}) == Path("/lockstep")
    for unusable in ({}, {"XDG_RUNTIME_DIR": "relative"}, {"XDG_RUNTIME_DIR": "/no/such/directory"}):
        assert control_directory(unusable) == Path(f"/tmp/lockstep-{os.geteuid()}")


def test_only_the_owner_may_enter(pair: FakePair, runtime: Path) -> None:
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    assert stat.S_IMODE((runtime / "guest.sock").stat().st_mode) == 0o600


def test_status_and_orders(pair: FakePair) -> None:
    with connect_to(None) as connection:
        assert connection.status() == pair.status()
        done = connection.done(c.Crash(who="secondary"))
        assert (done.text, done.host) == ("host 3 (pid 13), the secondary, is killed", 3)
        connection.done(c.Protect())
        connection.done(c.Stop())
    me = os.getpid()
    assert pair.remote.take_orders() == [
        Order("secondary", f"lockstep crash (pid {me})"),
        Order("protect", f"lockstep protect (pid {me})"),
        Order("stop", f"lockstep stop (pid {me})"),
    ]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"protection": "Not Protected (Need Secondary)"}, "might be left without a host"),
        ({"reason": "host 2 dies"}, r"might be left without a host \(host 2 dies\)"),
        ({"uptime_s": 0.0}, "might be left without a host"),
        ({"hosts": STATUS["hosts"][1:]}, "has no primary just now"),
    ],
)
def test_the_last_host_is_not_killed_by_mistake(changes: dict[str, object], why: str, pair: FakePair) -> None:
    pair.changes = changes
    with connect_to(None) as connection, pytest.raises(UsageError, match=why):
        connection.done(c.Crash(who="primary"))
    assert pair.remote.take_orders() == []


def test_the_last_host_is_killed_on_demand(pair: FakePair) -> None:
    pair.changes = {"protection": "Not Protected (Need Secondary)"}
    with connect_to(None) as connection:
        connection.done(c.Crash(who="primary", unprotected=True))
    assert [order.what for order in pair.remote.take_orders()] == ["primary"]


def test_pairs_by_name_beginning_and_pid() -> None:
    linux, second, echo = FakePair("linux"), FakePair("linux"), FakePair("echo", monitor_pid=99)
    with controlled(linux, unsaid), controlled(second, unsaid), controlled(echo, unsaid):
        assert [status.name for status in all_statuses()[0]] == ["echo", "linux", "linux-2"]
        for wanted, name in (("linux", "linux"), ("linux-", "linux-2"), ("e", "echo"), ("99", "echo")):
            with connect_to(wanted) as connection:
                assert connection.name == name
        for wanted, why in (
            (None, "say which: echo, linux, linux-2"),
            ("lin", "linux, linux-2"),
            ("x", "no pair is"),
        ):
            with pytest.raises(UsageError, match=why):
                connect_to(wanted)
    with pytest.raises(UsageError, match="no pair is running"):
        connect_to(None)


def test_a_name_is_fit_for_a_file_whatever_the_guest_is_called(runtime: Path) -> None:
    for guest, name in (("../x y\n", "_x_y_"), ("", "guest"), (".." * 3, "guest"), ("a" * 300, "a" * 40)):
        with controlled(FakePair(guest), unsaid):
            assert os.listdir(runtime) == [f"{name}.sock"]
    assert os.listdir(runtime) == []


def test_a_socket_of_a_dead_monitor_is_taken_over_and_removed(runtime: Path) -> None:
    directory = open_directory(runtime, make=True)
    assert directory is not None
    for guest in ("one", "two"):
        claim(directory, guest)[1].close()
    os.close(directory)
    with controlled(FakePair("one"), unsaid):
        assert sorted(os.listdir(runtime)) == ["one.sock", "two.sock"]
        assert [status.name for status in all_statuses()[0]] == ["one"]
        assert os.listdir(runtime) == ["one.sock"]


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_directory_that_others_may_enter_is_not_used(mode: int, runtime: Path) -> None:
    runtime.mkdir()
    runtime.chmod(mode)
    said: list[str] = []
    with controlled(FakePair(), said.append):
        assert os.listdir(runtime) == []
    assert len(said) == 1
    assert f"must be yours alone, and belongs to user {os.geteuid()} with mode {mode:o}" in said[0]
    with pytest.raises(InternalError, match="must be yours alone"):
        all_connections()


def test_a_link_in_its_place_is_not_followed(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    runtime.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InternalError, match="can't be used for control sockets"):
        all_connections()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_somebody_else_is_not_used(runtime: Path) -> None:
    runtime.mkdir(mode=0o700)
    os.chown(runtime, 12345, -1)
    with pytest.raises(InternalError, match="belongs to user 12345"):
        all_connections()


def raw(runtime: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(runtime / "guest.sock"))
    client.settimeout(20)
    return client


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\n",
        b"nonsense\n",
        b'{"type": "Crash"}\n',
        b'{"type": "Nothing"}\n',
        b'{"type": "Standing"}\n',
        b"\xff\xfe\x00\n",
        b"[" * 4000 + b"\n",
        b"x" * 100_000,
    ],
)
def test_nonsense_is_hung_up_on(nonsense: bytes, pair: FakePair, runtime: Path) -> None:
    with raw(runtime) as client:
        try:
            client.sendall(nonsense)
            assert client.recv(100) == b""
        except ConnectionError:
            pass  # it hung up before all was said
    with connect_to(None) as connection:
        assert connection.status().name == "guest"


def test_a_client_that_takes_no_answers_is_dropped(pair: FakePair, runtime: Path) -> None:
    def ask_for_ever(client: socket.socket) -> None:
        while True:
            client.sendall(c.encode(c.Ask()) + b"\n")

    with raw(runtime) as client, pytest.raises(ConnectionError):
        ask_for_ever(client)
    with connect_to(None) as connection:
        assert connection.status().name == "guest"


def test_there_is_a_limit_to_clients_and_who_leaves_makes_room(pair: FakePair, runtime: Path) -> None:
    clients = [raw(runtime) for _ in range(CLIENTS_MAX)]
    try:
        clients[-1].sendall(c.encode(c.Ask()) + b"\n")
        assert clients[-1].recv(10)
        with raw(runtime) as late:
            assert late.recv(10) == b""
    finally:
        for client in clients:
            client.close()

    def is_served() -> bool:
        try:
            with connect_to(None) as connection:
                return connection.status().name == "guest"
        except (UsageError, InternalError):
            return False

    wait_for(is_served)


def test_a_client_hears_of_the_end() -> None:
    with controlled(FakePair(), unsaid):
        connection = connect_to(None)
        assert connection.status()
    assert list(connection.answers()) == []
    with pytest.raises(PairGoneError, match="has ended"):
        connection.status()
    connection.close()
