"""Debian Linux talks while its hosts die: connections and the console's bytes outlive them."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import socket

import pytest
from command import fetch_linux

from lockstep import Pair
from lockstep.catalog.served_content import served_sha256

pytestmark = [pytest.mark.linux, pytest.mark.slow, pytest.mark.timeout(900)]

MIB = 1 << 20
PASTED_BYTES = 20_000


@pytest.fixture(scope="module", autouse=True)
def fetched() -> None:
    fetch_linux()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.mark.skipif(shutil.which("passt") is None, reason="passt is not installed")
def test_a_download_goes_on_while_primaries_die() -> None:
    port = free_port()
    with Pair("linux", net="user", forward=f"{port}:80", append="quiet run=/bin/serve") as pair:
        pair.expect(b"/50M is ready")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/50M")
        response = connection.getresponse()
        assert response.status == 200
        digest = hashlib.sha256()
        for part_bytes in (5 * MIB, 15 * MIB, 15 * MIB):
            digest.update(response.read(part_bytes))
            pair.wait_protected()
            pair.crash("primary")
        digest.update(response.read())
        result = pair.stop()
    assert digest.hexdigest() == served_sha256()
    assert [failover["generation"] for failover in result.failovers] == [2, 3, 4]


def test_what_is_pasted_arrives_while_the_primary_dies() -> None:
    pasted = b"".join(b"%098d\n" % line for line in range(PASTED_BYTES // 99 + 1))[: PASTED_BYTES - 1] + b"\n"
    command = f"stty -echo; echo ready; head -c {PASTED_BYTES} | sha256sum"
    with Pair("linux", append=f'quiet run="{command}"') as pair:
        pair.expect(b"ready\r\n")
        pair.wait_protected()
        pair.type(pasted)
        pair.crash("primary")
        pair.expect(hashlib.sha256(pasted).hexdigest())
        result = pair.wait(120)
    assert (result.outcome, len(result.failovers)) == ("poweroff", 1)
