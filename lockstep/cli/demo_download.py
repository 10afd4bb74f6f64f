"""The demo on Linux's network: a download that goes on while the host it comes from is killed."""

from __future__ import annotations

import hashlib
import http.client
import socket
import threading
import time
from typing import TYPE_CHECKING

from lockstep.errors import DivergenceError, InternalError, LockstepError

if TYPE_CHECKING:
    from lockstep.host.options import Remote
    from lockstep.host.result import RunResult

MIB = 1 << 20
KILL_AT_MIB = 20
PAUSE_S = 0.02
"""Between two MiB that are read, so that the kill comes in the middle of the download and not at its end."""
READY = b"/50M is ready"
TIMEOUT_S = 100.0


class Download(threading.Thread):
    """Fetches what the guest serves, and has the primary killed on the way."""

    def __init__(self, port: int, remote: Remote) -> None:
        """`port` of this machine leads to the guest's web server."""
        super().__init__(name="download", daemon=True)
        self._port, self._remote = port, remote
        self._console = b""
        self._has_begun = False
        self.digest = hashlib.sha256()
        self.mib = 0
        self.longest_wait_ms = 0.0
        self.error: Exception | None = None

    def show(self, data: bytes) -> None:
        """The guest printed `data`; once it says that it serves, the download begins."""
        from lockstep.cli.streams import write_stdout

        write_stdout(data)
        self._console += data
        if READY in self._console and not self._has_begun:
            self._has_begun = True
            self.start()

    def run(self) -> None:
        """Fetch it all over one connection, then have the machine stopped."""
        try:
            self._fetch()
        except (OSError, http.client.HTTPException) as error:
            self.error = error
        finally:
            self._remote.stop()

    def _fetch(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)
        connection.request("GET", "/50M")
        response = connection.getresponse()
        while True:
            start_s = time.monotonic()
            part = response.read(MIB)
            self.longest_wait_ms = max(self.longest_wait_ms, (time.monotonic() - start_s) * 1e3)
            if not part:
                return
            self.digest.update(part)
            self.mib += 1
            if self.mib == KILL_AT_MIB:
                self._remote.crash("primary")
            time.sleep(PAUSE_S)


def demo_download() -> None:
    """Linux serves a file; its primary's host is killed in the middle of the download; the file is checked."""
    from lockstep.catalog.choice import GuestOptions, choose_machine
    from lockstep.cli.messages import say
    from lockstep.host.options import Forward, Remote, RunOptions
    from lockstep.host.passt import find_passt
    from lockstep.monitor.pair import run_pair

    try:
        find_passt()
    except LockstepError as error:
        say(f"without a download ({error})")
        return
    config = choose_machine(GuestOptions(guest="linux", net="user", append="quiet loglevel=1 run=/bin/serve"))
    say("Linux boots again and serves 50 MiB over its network;")
    say(f"when {KILL_AT_MIB} MiB of a download have come, the primary's process gets SIGKILL")
    port, remote = _free_port(), Remote()
    download = Download(port, remote)
    result = run_pair(
        config,
        RunOptions(
            write_console=download.show, remote=remote, forwards=(Forward(port, 80),), timeout_s=TIMEOUT_S
        ),
    )
    _check(result, download)
    blackout_ms = result.failovers[0]["blackout_ms"]
    say(
        f"killed in the middle; the secondary ran the guest {blackout_ms:.0f} ms later, and the connection stayed:"
    )
    say(f"no MiB took longer than {download.longest_wait_ms:.0f} ms")
    say("all 50 MiB came over that one connection, every byte as the guest made it")


def _check(result: RunResult, download: Download) -> None:
    from lockstep.catalog.served_content import served_sha256

    if result.outcome != "interrupted":
        raise InternalError(f"the pair ended with {result.outcome}: {result.message or 'see above'}")
    if download.error is not None:
        raise InternalError(f"the download ended after {download.mib} MiB: {download.error}")
    if not result.failovers:
        raise InternalError("the primary was never killed: the download had ended before")
    if download.digest.hexdigest() != served_sha256():
        raise DivergenceError(f"the {download.mib} MiB that came aren't those that the guest serves")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
