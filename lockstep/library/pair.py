"""A protected run under a script's control."""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

from lockstep import errors
from lockstep.errors import InternalError, LockstepError, UsageError, WaitError
from lockstep.host.options import CHANNELS, ON_DIVERGENCE, CheckIntervals, TraceOptions
from lockstep.host.result import RunResult
from lockstep.library.console_stream import ConsoleStream
from lockstep.library.guest import Source, config_of
from lockstep.library.orders import Answer, Failed, Order, Over, Prepared, Question, Said, is_protected
from lockstep.monitor.crash_text import HOSTS, parse_crash
from lockstep.monitor.forward_text import parse_forwards
from lockstep.monitor.status import Status
from lockstep.paths import package_directory

START_LIMIT_S = 180.0
"""Native code may have to be compiled first."""
ANSWER_LIMIT_S = 30.0
END_LIMIT_S = 10.0
LOOK_S = 0.002
ErrorClass = type[BaseException]
DEFAULT_CHECKS = CheckIntervals()


class Pair:
    """A guest that runs protected, in the background: a primary, a secondary, and a monitor in its own process.

    It starts when it is made, and what isn't over at the end of the `with` is ended there, without a process left.

        with Pair("echo") as pair:
            pair.expect(b"quit ends")
            pair.crash("primary")
            pair.type("still here\\n")
            pair.expect(b"ereh llits")
            pair.type("quit\\n")
            print(pair.wait().failovers)

    Several pairs can run at once. All errors are `lockstep.errors.LockstepError`s, of one line.
    """

    def __init__(
        self,
        guest: Source | None = None,
        *,
        memory: str | int | None = None,
        harts: int = 1,
        bios: Source | None = None,
        kernel: Source | None = None,
        initrd: Source | None = None,
        append: str = "",
        clock: str = "host",
        disks: Iterable[str | os.PathLike[str]] = (),
        net: str = "none",
        forward: str | Iterable[str] = (),
        input: bytes = b"",
        channel: str = "shm",
        crash: str | Iterable[str] = (),
        crash_every_s: float | None = None,
        inject: str | Iterable[str] = (),
        on_divergence: str = "stop",
        check_every_s: float | None = DEFAULT_CHECKS.every_s,
        check_ram_every_s: float | None = DEFAULT_CHECKS.ram_every_s,
        trace: str | os.PathLike[str] | None = None,
        timeout_s: float | None = None,
        max_icount: int | None = None,
    ) -> None:
        """Start the guest as `lockstep run` does; returns once it is known that it can be run.

        Options have the names and meanings of `lockstep run`'s. `input` is typed from the start; under
        `clock="virtual"` nothing else can be typed. `crash` and `inject` are as on the command line, one or several:
        "primary@5M", "x7@10M:13". `disks` are files, which the guest writes to, "d.img,ro" but reads; `forward` is
        "8080:80", one or several. Intervals of checks are in seconds, None: off.
        """
        config = config_of(
            guest,
            memory=memory,
            harts=harts,
            bios=bios,
            kernel=kernel,
            initrd=initrd,
            append=append,
            clock=clock,
            disks=disks,
            net=net,
        )
        if channel not in CHANNELS or on_divergence not in ON_DIVERGENCE:
            raise UsageError("give channel as shm or tcp, and on_divergence as stop or reclone")
        is_virtual = config.clock == "virtual"
        options = {
            "typed": input if is_virtual else b"",
            "timeout_s": timeout_s,
            "max_icount": max_icount,
            "channel": channel,
            "crashes": tuple(map(parse_crash, _several(crash))),
            "crash_every_s": crash_every_s,
            "checks": CheckIntervals(check_every_s, check_ram_every_s),
            "soft_errors": _soft_errors(_several(inject), config),
            "on_divergence": on_divergence,
            "forwards": parse_forwards(_several(forward), has_network=config.has_network),
        }
        self.said: list[str] = []
        """Lines for the user, such as what was found to differ."""
        self._takes_input = not is_virtual
        self._result: RunResult | None = None
        self._failure: LockstepError | None = None
        self._answers: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()
        self._asking = threading.Lock()
        self._prepared = threading.Event()
        trace_options = None if trace is None else TraceOptions(Path(trace))
        self._start(Order(config, options, trace_options))
        if input and self._takes_input:
            self.type(input)

    def _start(self, order: Order) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lockstep.library.monitor_process", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=_environment(),
                process_group=0,
                bufsize=0,
            )
        self._connection: Connection[Any, Any] = Connection(ours.detach())
        self._finalizer = weakref.finalize(self, _kill, self._process)
        assert self._process.stdout is not None
        self._console = ConsoleStream(self._process.stdout.fileno())
        self._listener = threading.Thread(target=self._listen, name="pair", daemon=True)
        try:
            self._connection.send(order)
            self._listener.start()
            if not self._prepared.wait(START_LIMIT_S):
                raise InternalError("the pair's monitor doesn't start: is this machine overloaded?")
            if self._failure is not None:
                raise self._failure
        except BaseException:
            self.close()
            raise

    def _listen(self) -> None:
        """In a thread: what the monitor says."""
        try:
            while self._result is None and self._failure is None:
                match self._connection.recv():
                    case Answer() as answer:
                        self._answers.put(answer)
                    case Prepared():
                        self._prepared.set()
                    case Said(line):
                        self.said.append(line)
                    case Over(result):
                        self._result = result
                    case Failed() as failed:
                        self._failure = _error_of(failed)
        except (EOFError, OSError):
            self._failure = self._failure or InternalError("the pair's monitor died: run the guest again")
        self._prepared.set()
        self._answers.put(None)

    # The console.

    @property
    def console(self) -> bytes:
        """All that the guest has written so far."""
        return self._console.all

    def read(self, timeout_s: float | None = None) -> bytes:
        """What the guest has written since the last `read` or `expect`; waits for some.

        Empty: the run is over, or `timeout_s` is.
        """
        return self._console.take(timeout_s)

    def expect(self, wanted: bytes | str, timeout_s: float | None = 60.0) -> bytes:
        """Wait until the guest writes `wanted`; what it wrote since the last `read` or `expect`, up to and with that.

        WaitError if it doesn't come.
        """
        data = wanted.encode() if isinstance(wanted, str) else wanted
        found = self._console.take_until(data, timeout_s)
        if found is None:
            why = "the run is over" if self._console.is_over else f"{timeout_s} s have passed"
            raise WaitError(
                f"the guest didn't write {data!r}, and {why}: its last words are {self.console[-80:]!r}"
            )
        return found

    def type(self, data: bytes | str) -> None:
        """Type at the guest's console. UsageError under the virtual clock: give all of it as `input` there."""
        if not self._takes_input:
            raise UsageError(
                "under clock='virtual' nothing is typed while it runs: give input=..., or clock='host'"
            )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the run is over: nobody reads it
            self._process.stdin.write(data.encode() if isinstance(data, str) else data)

    # The pair.

    def status(self) -> Status:
        """How the pair stands: protection, hosts, rates, failovers, what happened lately."""
        status: Status = self._ask("status")
        return status

    @property
    def is_protected(self) -> bool:
        """Whether the guest runs and survives the death of either host now."""
        return not self.is_over and is_protected(self.status())

    def crash(self, who: str = "primary", *, unprotected: bool = False) -> None:
        """Kill the `primary` or the `secondary` (SIGKILL); returns once its death has been noticed.

        UsageError unless the pair is protected, or, with `unprotected`, there is such a host.
        """
        if who not in HOSTS:
            raise UsageError(f"there is no host {who!r}: give primary or secondary")
        objection = self._ask("crash", who, unprotected)
        if objection:
            raise UsageError(f"crash({who!r}): {objection}")

    def wait_protected(self, timeout_s: float = 60.0) -> None:
        """Wait until the guest survives the death of either host. WaitError if it doesn't come to that."""
        end_s = time.monotonic() + timeout_s
        while not is_protected(status := self.status()):
            if time.monotonic() > end_s:
                raise WaitError(
                    f"after {timeout_s} s the pair is {status.protection}: is this machine overloaded?"
                )
            time.sleep(LOOK_S)

    @property
    def is_over(self) -> bool:
        """Whether the run has ended, whichever way."""
        return self._result is not None or self._failure is not None

    def wait(self, timeout_s: float | None = None) -> RunResult:
        """Wait for the run's end; what it came to, in the words of the report of `lockstep run`.

        WaitError if `timeout_s` is over before; GuestError or another if the run failed.
        """
        self._listener.join(timeout_s)
        if not self.is_over:
            raise WaitError(f"after {timeout_s} s the guest still runs: give it longer, or call stop()")
        self._let_go()
        if self._failure is not None:
            raise self._failure
        assert self._result is not None
        return self._result

    def stop(self) -> RunResult:
        """End the run, unless it is over; what it came to. Its outcome is `interrupted` then."""
        with contextlib.suppress(WaitError):
            self._ask("stop")
        return self.wait()

    def close(self) -> None:
        """End the run, whatever it is doing, and wait until no process of it is left. May be called again."""
        with contextlib.suppress(LockstepError):
            if self._prepared.is_set() and not self.is_over:
                self._ask("stop")
                self.wait(END_LIMIT_S)
        self._let_go()

    def __enter__(self) -> Pair:
        """To be closed at the end of the `with`."""
        return self

    def __exit__(
        self, kind: ErrorClass | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _ask(self, method: str, *arguments: object) -> Any:
        with self._asking:
            if not self.is_over:
                with contextlib.suppress(OSError):
                    self._connection.send(Question(method, arguments))
                    try:
                        answer = self._answers.get(timeout=ANSWER_LIMIT_S)
                    except queue.Empty:
                        raise InternalError(
                            "the pair's monitor doesn't answer: is this machine overloaded?"
                        ) from None
                    if answer is not None:
                        return answer.value
            raise WaitError("the run is over")

    def _let_go(self) -> None:
        """After the end: of the process and of all descriptors."""
        if not self._finalizer.alive:
            return
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(END_LIMIT_S if self.is_over else 0.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._finalizer.detach()
        self._console.join(END_LIMIT_S)
        self._listener.join(END_LIMIT_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._connection.close()


def _several(texts: str | Iterable[str]) -> list[str]:
    return [texts] if isinstance(texts, str) else list(texts)


def _soft_errors(texts: list[str], config: Any) -> tuple[Any, ...]:
    if not texts:
        return ()
    from lockstep.machine.soft_error import check_soft_error, parse_soft_error

    found = tuple(map(parse_soft_error, texts))
    for error in found:
        check_soft_error(error, config)
    return found


def _error_of(failed: Failed) -> LockstepError:
    kind = getattr(errors, failed.kind, None)
    if isinstance(kind, type) and issubclass(kind, LockstepError):
        return kind(failed.text)
    error = LockstepError(failed.text)
    error.exit_code = failed.exit_code
    return error


def _environment() -> dict[str, str]:
    """This process's, in which the monitor finds this very package."""
    home = os.fspath(package_directory().parent)
    path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}


def _kill(process: subprocess.Popen[bytes]) -> None:
    """A pair that nobody holds any more."""
    process.kill()
    process.wait()
