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
from lockstep.ft.status import Protection
from lockstep.host.options import Remote
from lockstep.library.native import prepare
from lockstep.library.orders import Answer, Failed, Order, Over, PairStatus, Prepared, Question, Said
from lockstep.monitor.pair import PairMonitor, run_pair
from lockstep.monitor.parties import Host

STDIN, STDOUT = 0, 1
LOOK_S = 0.001
CRASH_LIMIT_S = 10.0
ORPHAN_LIMIT_S = 10.0
"""How long a run may take to end once its script has gone."""


class Service:
    """Answers a script's questions, in a thread of its own, while the run goes on."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        """`connection` leads to the script."""
        self._connection = connection
        self._lock = threading.Lock()
        self._monitor: PairMonitor | None = None
        self.remote = Remote()

    def send(self, message: object) -> None:
        """To the script, from any thread. If that is gone, nobody is left to be told."""
        with self._lock, contextlib.suppress(OSError):
            self._connection.send(message)

    def begin(self, monitor: PairMonitor) -> None:
        """Serve the script: `monitor` is about to start."""
        self._monitor = monitor
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
        if self._monitor is not None:
            self._monitor.end("interrupted")

    def status(self) -> PairStatus:
        """How the pair stands."""
        assert self._monitor is not None
        supervisor = self._monitor.supervisor
        protector = supervisor.protector
        primary, secondary = protector.primary, protector.secondary
        has_ended = supervisor.ending.ended is not None
        is_dying = any(host.dying_at_s is not None for host in (primary, secondary) if host is not None)
        is_protected = protector.status is Protection.PROTECTED and supervisor.started_at_s is not None
        return PairStatus(
            protection=protector.status.value,
            is_protected=is_protected and not is_dying and not has_ended,
            generation=protector.sink.generation,
            icount=primary.beat.icount if primary is not None and primary.beat is not None else 0,
            primary_pid=getattr(primary, "pid", None),
            secondary_pid=getattr(secondary, "pid", None),
            failovers=len(protector.failovers),
            has_ended=has_ended,
        )

    def crash(self, who: str, unprotected: bool) -> str:
        """Kill a host and come back once that has been noticed. What speaks against it; empty: it is done."""
        assert self._monitor is not None
        supervisor = self._monitor.supervisor
        end_s = time.monotonic() + CRASH_LIMIT_S
        while supervisor.started_at_s is None and time.monotonic() < end_s:
            time.sleep(LOOK_S)
        if not unprotected and not self.status().is_protected:
            return "the pair isn't protected, nobody would be left: call wait_protected() before"
        protector = supervisor.protector
        victim: Host | None = protector.primary if who == "primary" else protector.secondary
        if victim is None or supervisor.ending.ended is not None:
            return f"there is no {who} to kill"
        self.remote.crash(who)
        while victim.number in supervisor.fleet.hosts:
            if supervisor.ending.ended is not None:
                return "the guest came to its end before"
            if time.monotonic() > end_s:
                return f"the {who} doesn't die"
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
            remote=service.remote,
            say=lambda line: service.send(Said(line)),
            trace=None if order.trace is None else open_trace(order.trace, plan),
        )
        service.send(Prepared())
        return Over(run_pair(order.config, options, service.begin))
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
