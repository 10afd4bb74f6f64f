"""The real passt: what it tells the guest, and what becomes of trouble with it."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ethernet_client import ACK, PUSH, SYN, Segment, dhcp_discover, dhcp_offer, tcp_segment
from network_hosts import LIMIT_S, NetworkHost

from lockstep.errors import LockstepError, UsageError
from lockstep.host.network import Network
from lockstep.host.options import LOOPBACK, Forward
from lockstep.host.passt import GATEWAY_ADDRESS, GATEWAY_MAC, GUEST_ADDRESS, Passt, mac_bytes

needs_passt = pytest.mark.skipif(shutil.which("passt") is None, reason="passt is not installed")
GATEWAY = mac_bytes(GATEWAY_MAC)
GUEST_PORT = 80


@pytest.fixture
def forward() -> Forward:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return Forward(probe.getsockname()[1], GUEST_PORT)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def network(forward: Forward, said: list[str]) -> Iterator[Network]:
    network = Network([forward], said.append)
    network.start()
    try:
        yield network
        assert network.failure is None
    finally:
        network.close()


@pytest.fixture
def host(network: Network) -> Iterator[NetworkHost]:
    host = NetworkHost(1, network)
    network.begin(1)
    yield host
    host.close()


def wait_for_segment(host: NetworkHost, flags: int) -> Segment:
    """The next TCP segment with these flags."""
    while True:
        segment = tcp_segment(host.wait_for_frame())
        if segment is not None and segment.flags & flags == flags:
            return segment


def accept(host: NetworkHost) -> Segment:
    """As the guest, accept a connection, on which its peer speaks first; the peer's first words."""
    syn = wait_for_segment(host, SYN)
    assert syn.target == socket.inet_aton(GUEST_ADDRESS)
    assert syn.target_port == GUEST_PORT
    host.make(syn.answer(1000, SYN | ACK).frame(GATEWAY))
    last = wait_for_segment(host, ACK)
    while not last.data:
        last = wait_for_segment(host, ACK)
    return last


@needs_passt
def test_the_guest_gets_fixed_addresses(host: NetworkHost) -> None:
    host.make(dhcp_discover())
    offer = None
    while offer is None:
        offer = dhcp_offer(host.wait_for_frame())
    assert offer.address == GUEST_ADDRESS
    assert offer.options[1] == bytes([255, 255, 255, 0])
    assert offer.options[3] == socket.inet_aton(GATEWAY_ADDRESS)
    assert offer.options[26] == (65520).to_bytes(2, "big")


@needs_passt
def test_a_forwarded_port_leads_to_the_guest_and_back(host: NetworkHost, forward: Forward) -> None:
    with socket.create_connection((forward.address, forward.host_port), LIMIT_S) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        last = accept(host)
        assert last.data == b"GET / HTTP/1.0\r\n\r\n"
        host.make(last.answer(1001, PUSH | ACK, b"hello").frame(GATEWAY))
        assert client.recv(100) == b"hello"


@needs_passt
def test_a_connection_outlives_the_host_that_accepted_it(network: Network, forward: Forward) -> None:
    first, second = NetworkHost(1, network), NetworkHost(2, network)
    network.begin(1, 2)
    with socket.create_connection((forward.address, forward.host_port), LIMIT_S) as client:
        client.sendall(b"hello")
        last = accept(first)
        frames = [last.answer(1001, PUSH | ACK, b"one").frame(GATEWAY)]
        frames.append(last.answer(1004, PUSH | ACK, b"two").frame(GATEWAY))
        second.frames.ring.append(1, 1, 0, b"\0" * 60)  # as the first: its SYN
        for frame in frames:
            second.frames.ring.append(1, 1, 0, frame)
        first.make(frames[0])
        assert client.recv(100) == b"one"
        network.fence(2, 2)
        first.make(last.answer(1004, PUSH | ACK, b"too late").frame(GATEWAY))
        second.position = 1
        second.release()
        assert client.recv(100) == b"two"
    first.close()
    second.close()


@needs_passt
def test_passt_is_started_again(host: NetworkHost, network: Network, said: list[str]) -> None:
    assert network._passt is not None
    os.kill(network._passt._process.pid, signal.SIGKILL)
    offer = None
    while offer is None:
        host.make(dhcp_discover())
        host.woken.clear()
        host.woken.wait(0.05)
        while offer is None and (frame := host.take()) is not None:
            offer = dhcp_offer(frame)
    assert network.restarts == 1
    assert said == ["passt ended: the guest's connections to the outside are lost"]


@needs_passt
def test_a_port_in_use_is_told_of() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UsageError, match=rf"--forward {port}:80: 127.0.0.1:{port} is in use"):
            Passt.start([Forward(port, 80)])


@needs_passt
@pytest.mark.parametrize(("address", "text"), [("::1", "isn't IPv4"), ("192.0.2.77", "can't be opened")])
def test_an_address_that_is_none_of_ours_is_told_of(address: str, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        Passt.start([Forward(8080, 80, address)])


def fake_passt(directory: Path, script: str) -> None:
    program = directory / "passt"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("exit 1", "passt failed: it ended at once"),
        ("echo first >&2; echo 'no luck' >&2; exit 1", "passt failed: no luck$"),
        ('echo "Couldn\'t create user namespace: No space" >&2; exit 1', "allow user namespaces"),
        ("exec sleep 100", "no answer within 0.2 s"),
    ],
)
def test_a_passt_that_fails_says_why_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, text: str
) -> None:
    fake_passt(tmp_path, script)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(LockstepError, match=text) as caught:
        Passt.start(limit_s=0.2)
    assert "\n" not in str(caught.value)


def test_without_an_interface_it_is_started_on_loopback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_passt(
        tmp_path,
        f'echo "$@" >> {tmp_path}/calls\n'
        'case "$*" in *"-i lo"*) echo there >&2;; *) echo External interface not usable >&2;; esac; exit 1',
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(LockstepError, match="passt failed: there"):
        Passt.start()
    assert len((tmp_path / "calls").read_text().splitlines()) == 2


def test_a_missing_passt_is_told_of_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path: None)
    with pytest.raises(LockstepError, match="apt-get install passt"):
        Passt.start()


@needs_passt
def test_nothing_is_left_when_its_user_is_killed() -> None:
    script = (
        "import sys, time; from lockstep.host.passt import Passt; passt = Passt.start();"
        "print(passt._process.pid, flush=True); time.sleep(100)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout is not None
        pid = int(user.stdout.readline())
        descriptor = os.pidfd_open(pid)
        user.kill()
    assert select.select([descriptor], [], [], LIMIT_S)[0], "passt outlives who started it"
    os.close(descriptor)
