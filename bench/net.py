"""TCP between the guest and this machine: throughput, and what the output rule adds to a round trip.

The machines that are compared run side by side, all but one parked at any time, and are measured in turns.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.client
import json
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from bench.commands import running
from bench.guests import linux_files
from bench.results import CaseResult, MeasurementError, ToolMissingError, paired_ratios, percentile
from bench.settings import Settings
from lockstep.catalog.served_content import served_sha256

WAYS = {
    "solo": ("--solo",),
    "protected": (),
    "protected tcp": ("--channel", "tcp"),
}
COMMAND = "nc -ll -p 7 -e cat & serve"
READY = b"/50M is ready"
MIB = 1 << 20
CONTENT_MIB = 50
MESSAGE = b"a message"
TIMEOUT_S = 60.0
CONNECT_PAUSE_S = 0.05

_Measured = TypeVar("_Measured")
_Found = TypeVar("_Found")


@dataclasses.dataclass(frozen=True)
class Server:
    """A guest that serves, by its ports here."""

    http_port: int
    echo_port: int


def measure(result: CaseResult, settings: Settings) -> None:
    """A download and an echo, from Linux by way of passt."""
    if shutil.which("passt") is None:
        raise ToolMissingError("passt isn't installed")
    linux_files(with_drivers=True)
    ways = {name: WAYS[name] for name in WAYS if not settings.is_smoke or name != "protected tcp"}
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(_serving(arguments)) for name, arguments in ways.items()}
        _measure_latency(result, settings, servers)
        _measure_throughput(result, settings, servers)
    result.note("client, passt, monitor and two hosts share this machine's cores")


@contextlib.contextmanager
def _serving(arguments: tuple[str, ...]) -> Iterator[Server]:
    server = Server(_free_port(), _free_port())
    forwards = ("--forward", f"{server.http_port}:80", "--forward", f"{server.echo_port}:7")
    append = f'quiet run="{COMMAND}"'
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as directory:
        report = Path(directory) / "report.json"
        network = ("--net", "user", *forwards, "--report", str(report))
        with running("linux", *arguments, *network, "--append", append, until=READY):
            yield server
        if json.loads(report.read_text())["failovers"]:
            raise MeasurementError("a host of the pair was taken for dead: this machine is too busy")


def _measure_throughput(result: CaseResult, settings: Settings, servers: dict[str, Server]) -> None:
    """MB/s of a whole file, each first once without being counted: its code is translated then."""
    size_mib = settings.pick(CONTENT_MIB, 1)
    for server in servers.values():
        _download_s(server, settings.pick(8, 1))
    seconds = _in_turns(settings.rounds(full=7), servers, lambda server: _download_s(server, size_mib))
    result.work("50M", served_sha256() if size_mib == CONTENT_MIB else size_mib)
    for name, values in seconds.items():
        result.value(
            f"TCP to this machine, {name}", "MB/s", [size_mib * MIB / 1e6 / value for value in values]
        )
    for name in (name for name in servers if name != "solo"):
        ratios = paired_ratios(seconds["solo"], seconds[name])
        ratio = result.value(f"TCP: speed {name} / solo", "x", ratios)
        if name == "protected":
            result.judge("net.protected", ratio.median)


def _download_s(server: Server, size_mib: int) -> float:
    """How long the first `size_mib` MiB take, from the request on. MeasurementError if a whole file is another one."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=TIMEOUT_S)
    digest = hashlib.sha256()
    try:
        started_s = time.perf_counter()
        connection.request("GET", "/50M")
        response = connection.getresponse()
        left = size_mib * MIB
        pieces = []
        while left and (piece := response.read(min(left, MIB))):
            pieces.append(piece)
            left -= len(piece)
        elapsed_s = time.perf_counter() - started_s
    except OSError as error:
        raise MeasurementError(f"a download from the guest failed: {error}") from error
    finally:
        connection.close()
    for piece in pieces:
        digest.update(piece)
    if left or (size_mib == CONTENT_MIB and digest.hexdigest() != served_sha256()):
        raise MeasurementError("a download from the guest isn't what it serves")
    return elapsed_s


def _measure_latency(result: CaseResult, settings: Settings, servers: dict[str, Server]) -> None:
    """Of a few bytes there and back over one connection for each machine."""
    count = settings.pick(1000, 20)
    with contextlib.ExitStack() as stack:
        connections = {
            name: stack.enter_context(_connect(server.echo_port)) for name, server in servers.items()
        }
        for connection in connections.values():
            _round_trips_ms(connection, count)
        found = _in_turns(
            settings.rounds(full=7), connections, lambda connection: _round_trips_ms(connection, count)
        )
    result.work("echo", count)
    medians = {name: [percentile(values, 50) for values in rounds] for name, rounds in found.items()}
    for name, rounds in found.items():
        result.value(f"round trip, median of {count}, {name}", "ms", medians[name])
        result.value(
            f"round trip, 99th percentile, {name}", "ms", [percentile(values, 99) for values in rounds]
        )
    for name in (name for name in servers if name != "solo"):
        more = [one - alone for one, alone in zip(medians[name], medians["solo"], strict=True)]
        added = result.value(f"added to a round trip, {name}", "ms", more)
        if name == "protected":
            result.judge("net.latency", added.median)


def _round_trips_ms(connection: socket.socket, count: int) -> list[float]:
    found = []
    for _ in range(count):
        started_s = time.perf_counter()
        connection.sendall(MESSAGE)
        answer = b""
        while len(answer) < len(MESSAGE):
            piece = connection.recv(len(MESSAGE) - len(answer))
            if not piece:
                raise MeasurementError("the guest closed its connection")
            answer += piece
        found.append((time.perf_counter() - started_s) * 1e3)
        if answer != MESSAGE:
            raise MeasurementError(f"the guest's echo is {answer!r}")
    return found


def _connect(port: int) -> socket.socket:
    """To the guest's echo, which may come up a little later than its web server; passt accepts even before."""
    deadline_s = time.monotonic() + TIMEOUT_S
    while True:
        connection = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            _round_trips_ms(connection, 1)
            return connection
        except (OSError, MeasurementError) as error:
            connection.close()
            if time.monotonic() > deadline_s:
                raise MeasurementError(f"the guest's echo doesn't answer: {error}") from error
            time.sleep(CONNECT_PAUSE_S)


def _in_turns(
    rounds: int, measured: dict[str, _Measured], measure_one: Callable[[_Measured], _Found]
) -> dict[str, list[_Found]]:
    found: dict[str, list[_Found]] = {name: [] for name in measured}
    for _ in range(rounds):
        for name, one in measured.items():
            found[name].append(measure_one(one))
    return found


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
