"""The process that watches a script's pair: a monitor as that of `lockstep run`, told what to do over a socket.

    python -m lockstep.library.monitor_process FD

The guest's console is this process's stdin and stdout. It ends with the script: in good order, with all its hosts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

from lockstep.errors import LockstepError
from lockstep.library.native import prepare
from lockstep.library.orders import Answer, Failed, Order, Over, Prepared, Question, Said, is_protected
from lockstep.monitor.pair import run_pair
from lockstep.monitor.status import Status, StatusSource

STDIN, STDOUT = 0, 1
LOOK_S = 0.001
BY = "a script"
CRASH_LIMIT_S = 10.0
ORPHAN_LIMIT_S = 10.0
"""How long a run may take to end once its script has gone."""


class Service:
    """Answers a script's questions, in a thread of its own, while the run goes on."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        """`connection` leads to the script."""
        self._connection = connection
        self._lock = threading.Lock()
        self.source: StatusSource

    def send(self, message: object) -> None:
        """To the script, from any thread. If that is gone, nobody is left to be told."""
        with self._lock, contextlib.suppress(OSError):
            self._connection.send(message)

    def begin(self, source: StatusSource) -> None:
        """Serve the script: the pair behind `source` is about to start."""
        self.source = source
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            while True:
                question: Question = self._connection.recv()
                self.send(Answer(getattr(self, question.method)(*question.arguments)))
        except (EOFError, OSError):
            self.stop()
            time.sleep(ORPHAN_LIMIT_S)
            os._exit(1)  # hosts die with their fork server, and that goes when this process does

    # Questions.

    def stop(self) -> None:
        """End the run soon."""
        self.source.remote.stop(BY)

    def status(self) -> Status:
        """How the pair stands."""
        return self.source.status()

    def crash(self, who: str, unprotected: bool) -> str:
        """Kill a host and come back once it is gone. What speaks against it; empty: it is done."""
        end_s = time.monotonic() + CRASH_LIMIT_S
        while not (status := self.source.status()).uptime_s and time.monotonic() < end_s:
            time.sleep(LOOK_S)
        if not unprotected and not is_protected(status):
            return "the pair isn't protected, nobody would be left: call wait_protected() before"
        victim = next((host.number for host in status.hosts if host.role == who), None)
        if victim is None:
            return f"there is no {who} to kill"
        self.source.remote.crash(who, BY)
        while any(host.number == victim for host in self.source.status().hosts):
            if time.monotonic() > end_s:
                return f"the {who} doesn't die; has the guest come to its end?"
            time.sleep(LOOK_S)
        return ""


def write_stdout(data: bytes) -> None:
    """All of `data`."""
    left = memoryview(data)
    while left:
        left = left[os.write(STDOUT, left) :]


def run(service: Service, order: Order) -> Over | Failed:
    """Run what was ordered, to its end."""
    try:
        from lockstep.host.trace_file import open_trace
        from lockstep.machine.loader.place import plan_boot

        plan = plan_boot(order.config)
        prepare()
        options = order.run_options(
            live_input=STDIN if order.config.clock == "host" else None,
            write_console=write_stdout,
            say=lambda line: service.send(Said(line)),
            trace=None if order.trace is None else open_trace(order.trace, plan),
        )
        service.send(Prepared())
        return Over(run_pair(order.config, options, observer=service.begin))
    except LockstepError as error:
        return Failed(type(error).__name__, str(error), error.exit_code)
    except OSError as error:
        return Failed("InternalError", f"the pair's monitor failed: {error}", 125)


def main() -> None:
    """The life of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection: Connection[Any, Any] = Connection(int(sys.argv[1]))
    service = Service(connection)
    try:
        order: Order = connection.recv()
    except EOFError:
        return
    service.send(run(service, order))


if __name__ == "__main__":
    main()
